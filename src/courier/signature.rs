//! Signatures of messages: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::SecretBytes;
use crate::domain::secret::Secret;
use crate::domain::sources::Random;

/// What both ends of a webhook know: 32 random bytes.
#[derive(Clone, Debug)]
pub struct SigningSecret(SecretBytes);

/// The bytes are no such secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's secret has {} bytes", SigningSecret::BYTES)]
pub struct SigningSecretError;

impl SigningSecret {
    const BYTES: usize = 32;

    /// A new one.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Secret::new(vec![0; Self::BYTES]);
        random.fill(bytes.expose_mut());
        Self(bytes)
    }

    /// One that was sealed.
    pub fn from_bytes(bytes: SecretBytes) -> Result<Self, SigningSecretError> {
        if bytes.expose().len() == Self::BYTES {
            Ok(Self(bytes))
        } else {
            Err(SigningSecretError)
        }
    }

    /// To be sealed.
    pub fn bytes(&self) -> &SecretBytes {
        &self.0
    }

    /// As receivers get it: `whsec_` and base64.
    pub fn text(&self) -> Secret<String> {
        Secret::new(format!("whsec_{}", STANDARD.encode(self.0.expose())))
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, unix_seconds: i64, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose());
        let signed = format!("{id}.{unix_seconds}.{body}");
        let tag = hmac::sign(&key, signed.as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, whose secret is shorter.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .expect("is base64");
        let signed = SigningSecret(Secret::new(secret)).sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
