//! RSA keys: signatures with SHA-2 (RFC 8332), made by `ring` in constant time.
//!
//! The SSH library's own RSA is left out: the crate beneath it has an open advisory, RUSTSEC-2023-0071, by which the time that a
//! signature takes tells of the key.

use crypto_bigint::{BoxedUint, NonZero};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512};
use russh::keys::HashAlg;
use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_key::private::RsaKeypair;
use russh::keys::ssh_key::public::{KeyData, RsaPublicKey};
use russh::keys::ssh_key::{Mpint, PublicKey};
use russh::{SendError, Signer};

/// What is said of a key that `ring` does not take.
pub(crate) const LIMITS: &str = "an RSA key must have 2048 to 4096 bits, two primes, and an exponent of 65537 or more";

/// A key that signs.
pub(crate) struct Rsa(KeyPair);

impl Rsa {
    /// A key as PKCS #1 has it (`BEGIN RSA PRIVATE KEY`).
    pub(crate) fn from_pkcs1(der: &[u8]) -> Option<Self> {
        KeyPair::from_der(der).ok().map(Self)
    }

    /// A key as PKCS #8 has it (`BEGIN PRIVATE KEY`).
    pub(crate) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        KeyPair::from_pkcs8(der).ok().map(Self)
    }

    /// A key as OpenSSH has it, which leaves out the exponents for each prime.
    pub(crate) fn from_openssh(pair: &RsaKeypair) -> Option<Self> {
        let (public, private) = (pair.public(), pair.private());
        let (d, p, q) = (positive(private.d())?, positive(private.p())?, positive(private.q())?);
        let parts = KeyPairComponents {
            public_key: PublicKeyComponents { n: positive(public.n())?, e: positive(public.e())? },
            d,
            p,
            q,
            dP: &*exponent(d, p)?,
            dQ: &*exponent(d, q)?,
            qInv: positive(private.iqmp())?,
        };
        KeyPair::from_components(&parts).ok().map(Self)
    }

    /// Its public half.
    pub(crate) fn public(&self) -> Option<PublicKey> {
        let public = PublicKeyComponents::<Vec<u8>>::from(self.0.public());
        let key =
            RsaPublicKey::new(Mpint::from_positive_bytes(&public.e), Mpint::from_positive_bytes(&public.n)).ok()?;
        Some(PublicKey::new(KeyData::Rsa(key), ""))
    }
}

fn positive(number: &Mpint) -> Option<&[u8]> {
    number.as_positive_bytes()
}

/// `d` modulo one less than a prime.
fn exponent(d: &[u8], prime: &[u8]) -> Option<Box<[u8]>> {
    let mut less = prime.to_vec();
    // A prime is odd.
    *less.last_mut()? &= !1;
    let less = NonZero::new(BoxedUint::from_be_slice_vartime(&less)).into_option()?;
    Some(BoxedUint::from_be_slice_vartime(d).rem(&less).to_be_bytes_trimmed_vartime())
}

/// Why nothing was signed.
#[derive(Debug)]
pub(crate) struct Unsigned;

impl From<SendError> for Unsigned {
    fn from(_: SendError) -> Self {
        Self
    }
}

impl Signer for &Rsa {
    type Error = Unsigned;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut packet: Vec<u8>,
    ) -> Result<Vec<u8>, Unsigned> {
        let (name, scheme) = match hash {
            Some(HashAlg::Sha256) => ("rsa-sha2-256", &RSA_PKCS1_SHA256),
            Some(HashAlg::Sha512) => ("rsa-sha2-512", &RSA_PKCS1_SHA512),
            _ => return Err(Unsigned),
        };
        let mut made = vec![0; self.0.public().modulus_len()];
        self.0.sign(scheme, &SystemRandom::new(), &packet, &mut made).map_err(|_| Unsigned)?;
        // A string (RFC 4251, 5) that holds two: the scheme's name and the signature (RFC 8332, 3).
        let mut both = Vec::with_capacity(name.len() + made.len() + 8);
        string(&mut both, name.as_bytes())?;
        string(&mut both, &made)?;
        string(&mut packet, &both)?;
        Ok(packet)
    }
}

fn string(to: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Unsigned> {
    to.extend(u32::try_from(bytes.len()).map_err(|_| Unsigned)?.to_be_bytes());
    to.extend(bytes);
    Ok(())
}
