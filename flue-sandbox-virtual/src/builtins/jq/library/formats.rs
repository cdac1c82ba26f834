//! `@csv` and its like.

use super::super::machine::{Machine, Stop, error, shown};
use super::super::syntax::expr::Format;
use super::super::value::{Val, compact};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A value as a format has it.
pub(in super::super) fn format(machine: &Machine<'_>, format: Format, val: &Val) -> Result<String, Stop> {
    let json = machine.json(val)?;
    let text = || val.str().map_or_else(|| json.clone(), str::to_owned);
    Ok(match format {
        Format::Text => text(),
        Format::Json => json,
        Format::Csv => row(machine, val, ",", "csv", |text| format!("\"{}\"", text.replace('"', "\"\"")))?,
        Format::Tsv => row(machine, val, "\t", "tsv", |text| {
            text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
        })?,
        Format::Html => text()
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('\'', "&apos;")
            .replace('"', "&quot;"),
        Format::Uri => uri(&text()),
        Format::UnUri => un_uri(machine, &text())?,
        Format::Sh => match val {
            Val::Arr(list) => {
                let words: Result<Vec<String>, Stop> = list.items().iter().map(|word| sh(machine, word)).collect();
                words?.join(" ")
            }
            word => sh(machine, word)?,
        },
        Format::Base64 => encode(text().as_bytes(), 6, BASE64, 4),
        Format::Base32 => encode(text().as_bytes(), 5, BASE32, 8),
        Format::UnBase64 => decode(machine, val, &text(), 6, BASE64)?,
        Format::UnBase32 => decode(machine, val, &text(), 5, BASE32)?,
    })
}

fn row(
    machine: &Machine<'_>,
    val: &Val,
    separator: &str,
    name: &str,
    quote: impl Fn(&str) -> String,
) -> Result<String, Stop> {
    let Val::Arr(list) = val else {
        return Err(error(&machine.heap, format!("{} cannot be {name}-formatted, only array", shown(val))));
    };
    let cell = |cell: &Val| match cell {
        Val::Null => Ok(String::new()),
        Val::Bool(_) | Val::Num(_) | Val::Long(_) => Ok(compact(cell)),
        Val::Str(text) => Ok(quote(text.as_str())),
        other => Err(error(&machine.heap, format!("{} is not valid in a {name} row", shown(other)))),
    };
    let cells: Result<Vec<String>, Stop> = list.items().iter().map(cell).collect();
    Ok(cells?.join(separator))
}

fn sh(machine: &Machine<'_>, val: &Val) -> Result<String, Stop> {
    match val {
        Val::Str(text) => Ok(format!("'{}'", text.as_str().replace('\'', "'\\''"))),
        Val::Arr(_) | Val::Obj(_) => Err(error(&machine.heap, format!("{} can not be escaped for shell", shown(val)))),
        other => Ok(compact(other)),
    }
}

fn uri(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn un_uri(machine: &Machine<'_>, text: &str) -> Result<String, Stop> {
    let invalid = || error(&machine.heap, format!("string ({text}) is not a valid uri encoding"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next().ok_or_else(invalid)?, rest.next().ok_or_else(invalid)?];
        let digits = std::str::from_utf8(&digits).map_err(|_| invalid())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| invalid())?);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `bits` of the input a letter, filled up to whole groups of letters.
fn encode(bytes: &[u8], bits: u32, letters: &[u8], group: usize) -> String {
    let mut out = String::with_capacity(bytes.len() * 8 / bits as usize + group);
    let (mut held, mut count) = (0_u32, 0);
    let mask = (1 << bits) - 1;
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        count += 8;
        while count >= bits {
            count -= bits;
            out.push(char::from(letters[(held >> count & mask) as usize]));
        }
        held &= (1 << count) - 1;
    }
    if count > 0 {
        out.push(char::from(letters[(held << (bits - count) & mask) as usize]));
    }
    while !out.len().is_multiple_of(group) {
        out.push('=');
    }
    out
}

fn decode(machine: &Machine<'_>, val: &Val, text: &str, bits: u32, letters: &[u8]) -> Result<String, Stop> {
    let name = if bits == 6 { "base64" } else { "base32" };
    let invalid = || error(&machine.heap, format!("{} is not valid {name} data", shown(val)));
    let mut bytes = Vec::with_capacity(text.len());
    let (mut held, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let letter = letters.iter().position(|letter| *letter == byte).ok_or_else(invalid)?;
        held = held << bits | u32::try_from(letter).unwrap_or(0);
        count += bits;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(held >> count & 0xff).unwrap_or(0));
        }
        held &= (1 << count) - 1;
    }
    // A letter alone holds no byte.
    if bytes.is_empty() && !text.is_empty() {
        return Err(invalid());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
