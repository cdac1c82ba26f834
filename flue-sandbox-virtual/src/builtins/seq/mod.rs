//! `seq`: numbers in a row, however long it is.

mod decimal;

use bashkit::{Command, CommandContext, CommandStatus, async_trait};

use self::decimal::{Number, Operand};
use super::cfloat::{self, Spec};
use super::options::{Opt, flag, parse_until_operand, value};
use super::streaming::{Output, fail, usage_error};

/// The `seq` command.
pub(super) struct Seq;

const OPTIONS: &[Opt] = &[value('f', "format"), value('s', "separator"), flag('w', "equal-width")];

/// What stands around the number and how it is printed itself.
struct Format {
    before: String,
    spec: Spec,
    after: String,
}

/// Why a command line cannot be read.
enum Mistake {
    /// Worth a hint at the usage.
    Usage(String),
    Value(String),
}

#[async_trait]
impl Command for Seq {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let plan = match Plan::read(ctx.args) {
            Ok(plan) => plan,
            Err(Mistake::Usage(message)) => return usage_error(&ctx, &message, 1).await,
            Err(Mistake::Value(message)) => return fail(&ctx, &message, 1).await,
        };
        let mut output = Output::new(&ctx.stdout);
        let mut row = plan.row();
        if let Some(first) = row.next() {
            output.write(first.as_bytes()).await?;
            for number in row {
                output.write(plan.separator.as_bytes()).await?;
                output.write(number.as_bytes()).await?;
            }
            output.write(b"\n").await?;
        }
        output.flush().await?;
        Ok(CommandStatus::success())
    }
}

/// A command line that was read.
struct Plan {
    first: Operand,
    step: Operand,
    last: Operand,
    separator: String,
    format: Option<Format>,
    equal_width: bool,
}

impl Plan {
    fn read(args: &[String]) -> Result<Self, Mistake> {
        let parsed = parse_until_operand(OPTIONS, &guard_negatives(args)).map_err(Mistake::Usage)?;
        let (mut separator, mut format, mut equal_width) = ("\n".to_string(), None, false);
        for (name, text) in parsed.options {
            match (name, text) {
                ("separator", Some(text)) => separator = text,
                ("format", Some(text)) => format = Some(read_format(&text).map_err(Mistake::Value)?),
                _ => equal_width = true,
            }
        }
        if format.is_some() && equal_width {
            return Err(Mistake::Usage("format string may not be specified when printing equal width strings".into()));
        }
        let number = |text: &String| match decimal::parse(text) {
            Some(operand) if operand.value.to_f64().is_nan() => {
                Err(Mistake::Usage(format!("invalid ‘not-a-number’ argument: ‘{text}’")))
            }
            Some(operand) => Ok(operand),
            None => Err(Mistake::Usage(format!("invalid floating point argument: ‘{text}’"))),
        };
        let one = Operand { value: Number::Exact { digits: 1, scale: 0 }, precision: Some(0), width: 1 };
        let (first, step, last) = match &*parsed.operands {
            [] => return Err(Mistake::Usage("missing operand".into())),
            [last] => (one, one, number(last)?),
            [first, last] => (number(first)?, one, number(last)?),
            [first, step, last] => {
                let parsed_step = number(step)?;
                if parsed_step.value.to_f64() == 0.0 {
                    return Err(Mistake::Usage(format!("invalid Zero increment value: ‘{step}’")));
                }
                (number(first)?, parsed_step, number(last)?)
            }
            [_, _, _, extra, ..] => return Err(Mistake::Usage(format!("extra operand ‘{extra}’"))),
        };
        Ok(Self { first, step, last, separator, format, equal_width })
    }

    fn row(&self) -> Box<dyn Iterator<Item = String> + Send + '_> {
        let [first, step, last] = [self.first.value, self.step.value, self.last.value];
        let scale = first.scale().max(step.scale()).max(last.scale());
        let up = step.to_f64() > 0.0;
        let endless = last.to_f64() == if up { f64::INFINITY } else { f64::NEG_INFINITY };
        let exact_last = if endless { Some(if up { i128::MAX } else { i128::MIN }) } else { last.digits_at(scale) };
        if let (Some(first), Some(step), Some(last)) = (first.digits_at(scale), step.digits_at(scale), exact_last) {
            let row = std::iter::successors(Some(first), move |digits| digits.checked_add(step))
                .take_while(move |&digits| if up { digits <= last } else { digits >= last });
            return Box::new(row.map(move |digits| self.show_exact(digits, scale)));
        }
        let [first, step, last] = [first.to_f64(), step.to_f64(), last.to_f64()];
        let row = (0_u64..).map(move |index| first + index as f64 * step);
        let row = row.take_while(move |&value| if up { value <= last } else { value >= last });
        Box::new(row.map(|value| self.show(value)))
    }

    fn show_exact(&self, digits: i128, scale: u32) -> String {
        let precision = self.precision().filter(|&precision| precision == 0 || self.last.precision.is_some());
        let (None, Some(precision)) = (&self.format, precision) else {
            return self.show(Number::Exact { digits, scale }.to_f64());
        };
        let text = decimal::print(digits, scale, precision);
        let width = if self.equal_width { self.width(precision) } else { 0 };
        match text.strip_prefix('-') {
            Some(magnitude) => format!("-{magnitude:0>width$}", width = width.saturating_sub(1)),
            None => format!("{text:0>width$}"),
        }
    }

    fn show(&self, number: f64) -> String {
        if let Some(Format { before, spec, after }) = &self.format {
            return format!("{before}{}{after}", cfloat::print(spec, number));
        }
        let spec = match (self.precision(), self.last.precision) {
            (Some(precision), Some(_)) => Spec {
                conversion: 'f',
                precision: Some(precision),
                zero: true,
                width: if self.equal_width { self.width(precision) } else { 0 },
                ..Spec::default()
            },
            _ => Spec { conversion: 'g', ..Spec::default() },
        };
        cfloat::print(&spec, number)
    }

    /// Digits behind the point of every number printed.
    fn precision(&self) -> Option<usize> {
        Some(self.first.precision?.max(self.step.precision?))
    }

    /// The width of the widest number printed.
    fn width(&self, precision: usize) -> usize {
        let width = |operand: Operand| {
            let own = operand.precision.unwrap_or(0);
            let point = usize::from(own == 0 && precision > 0);
            (operand.width + point + precision).saturating_sub(own + usize::from(own > 0 && precision == 0))
        };
        width(self.first).max(width(self.last))
    }
}

/// Marks the first operand when it is a negative number, which looks like options.
fn guard_negatives(args: &[String]) -> Vec<String> {
    let mut guarded = args.to_vec();
    let negative = |arg: &String| {
        let digits = arg.strip_prefix('-').unwrap_or("");
        digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    };
    let is_value = |at: usize| at > 0 && matches!(args[at - 1].as_str(), "-s" | "-f" | "--separator" | "--format");
    let is_operand = |at: &usize| (negative(&args[*at]) || !args[*at].starts_with('-')) && !is_value(*at);
    if let Some(at) = (0..args.len()).find(is_operand)
        && negative(&args[at])
        && !args[..at].contains(&"--".to_string())
    {
        guarded.insert(at, "--".to_string());
    }
    guarded
}

/// Reads a format with exactly one conversion in it.
fn read_format(text: &str) -> Result<Format, String> {
    let (before, rest) = literal(text);
    let Some(rest) = rest.strip_prefix('%') else {
        return Err(format!("format ‘{text}’ has no % directive"));
    };
    let mut spec = Spec::default();
    let mut rest = rest;
    while let Some(flag) = rest.chars().next().filter(|&c| "-+#0 '".contains(c)) {
        match flag {
            '-' => spec.minus = true,
            '+' => spec.plus = true,
            '#' => spec.alternate = true,
            '0' => spec.zero = true,
            ' ' => spec.space = true,
            _ => {}
        }
        rest = &rest[1..];
    }
    let too_wide = || format!("format ‘{text}’ is too wide");
    spec.width = take_number(&mut rest).ok_or_else(too_wide)?;
    if let Some(behind) = rest.strip_prefix('.') {
        rest = behind;
        spec.precision = Some(take_number(&mut rest).ok_or_else(too_wide)?);
    }
    let rest = rest.strip_prefix('L').unwrap_or(rest);
    match rest.chars().next() {
        None => return Err(format!("format ‘{text}’ ends in %")),
        Some(conversion) if "eEfFgG".contains(conversion) => spec.conversion = conversion,
        Some(other) => return Err(format!("format ‘{text}’ has unknown %{other} directive")),
    }
    let (after, rest) = literal(&rest[1..]);
    if !rest.is_empty() {
        return Err(format!("format ‘{text}’ has too many % directives"));
    }
    Ok(Format { before, spec, after })
}

/// Takes the digits that `rest` starts with; none mean zero.
fn take_number(rest: &mut &str) -> Option<usize> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, behind) = rest.split_at(digits);
    *rest = behind;
    if digits.is_empty() {
        return Some(0);
    }
    digits.parse().ok().filter(|&number| number <= cfloat::MAX_WIDTH)
}

/// What comes before the next conversion, with `%%` as `%`, and the rest.
fn literal(text: &str) -> (String, &str) {
    let mut before = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        before.push_str(&rest[..at]);
        rest = &rest[at..];
        match rest.strip_prefix("%%") {
            Some(behind) => {
                before.push('%');
                rest = behind;
            }
            None => return (before, rest),
        }
    }
    before.push_str(rest);
    (before, "")
}
