//! Whose certificate a target may show.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{bail, Context as _, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_name, WebPkiServerVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::address::Address;
use crate::wire::tls::Peer;

/// Whom to trust.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Whom this machine trusts.
    System,
    /// The certificates of a PEM file.
    File(PathBuf),
    /// Anybody.
    Any,
}

impl Trust {
    /// How to shake hands with the target at an address.
    pub fn peer(&self, address: &Address) -> Result<Peer> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let config = match self {
            Trust::Any => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
                .with_no_client_auth(),
            Trust::System | Trust::File(_) => {
                let roots = self.roots()?;
                let shown = match self {
                    Trust::File(_) => roots.shown,
                    Trust::System | Trust::Any => Vec::new(),
                };
                let chain = WebPkiServerVerifier::builder_with_provider(
                    Arc::new(roots.store),
                    provider.clone(),
                )
                .build()
                .context("this machine trusts no certificate: give --ca FILE, or --insecure")?;
                let known = Arc::new(Known { chain, shown });
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(known)
                    .with_no_client_auth()
            }
        };
        let name = address.server.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name)
            .with_context(|| format!("{} is no name for a certificate", address.server))?;
        Ok(Peer {
            config: Arc::new(config),
            name,
        })
    }

    fn roots(&self) -> Result<Roots> {
        let mut roots = Roots {
            store: RootCertStore::empty(),
            shown: Vec::new(),
        };
        match self {
            Trust::File(path) => {
                let named = || format!("--ca {}", path.display());
                let certificates = CertificateDer::pem_file_iter(path).with_context(named)?;
                for certificate in certificates {
                    let certificate = certificate.with_context(named)?;
                    roots.store.add(certificate.clone()).with_context(named)?;
                    roots.shown.push(certificate);
                }
                if roots.store.is_empty() {
                    bail!("{}: no certificate in it; it has to be PEM", named());
                }
            }
            Trust::System | Trust::Any => {
                // A certificate of the system that cannot be read is none that is trusted.
                let found = rustls_native_certs::load_native_certs();
                roots.store.add_parsable_certificates(found.certs);
            }
        }
        Ok(roots)
    }
}

/// The certificates to trust.
struct Roots {
    store: RootCertStore,
    shown: Vec<CertificateDer<'static>>,
}

/// Trusts a chain, and a certificate that was given as it is: a self-signed one often says that it
/// is a CA, and is then none that a server may show by the rules of chains.
#[derive(Debug)]
struct Known {
    chain: Arc<WebPkiServerVerifier>,
    shown: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.shown.iter().any(|known| known == end_entity) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        let chain = &self.chain;
        chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Trusts anybody who has the key of the certificate that he shows.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
