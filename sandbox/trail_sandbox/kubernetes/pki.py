"""The certificates of a sandbox: an authority of its own, servers' and clients' certificates, a signing key.

Names and groups in client certificates are what the API server takes a user for:
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
"""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=365)
_CLOCK_SKEW = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path

    @classmethod
    def at(cls, directory: Path, name: str) -> "KeyPair":
        """The pair of that name."""
        return cls(directory / f"{name}.crt", directory / f"{name}.key")

    @property
    def exists(self) -> bool:
        """Whether both files are there; the certificate is written last."""
        return self.certificate.exists()


@dataclass(frozen=True)
class Client:
    """A user of the API server, known by certificate."""

    name: str
    user: str
    groups: tuple[str, ...] = ()


ADMINISTRATOR = Client("admin", "sandbox:admin", ("system:masters",))
CONTROLLER_MANAGER = Client("controller-manager", "system:kube-controller-manager")
NODE = Client("node", "sandbox:node", ("system:masters",))
KUBELET_CLIENT = Client("kubelet-client", "sandbox:apiserver")
CLIENTS = (ADMINISTRATOR, CONTROLLER_MANAGER, NODE, KUBELET_CLIENT)


@dataclass(frozen=True)
class Pki:
    """All keys and certificates of a sandbox, in one directory."""

    directory: Path

    @property
    def authority(self) -> KeyPair:
        """What everybody trusts."""
        return KeyPair.at(self.directory, "ca")

    @property
    def server(self) -> KeyPair:
        """What every server on loopback shows."""
        return KeyPair.at(self.directory, "server")

    @property
    def service_accounts(self) -> KeyPair:
        """The pair that signs and verifies service accounts' tokens."""
        return KeyPair.at(self.directory, "service-accounts")

    def client(self, client: Client) -> KeyPair:
        """The certificate of a user."""
        return KeyPair.at(self.directory, f"client-{client.name}")

    def create(self) -> None:
        """Create what is missing; the key pair of the service accounts comes last and marks that all exist."""
        if self.service_accounts.exists:
            return
        key = _new_key()
        certificate = _authority(key)
        _write(self.authority, key, certificate)
        self._issue(key, certificate, self.server, _name("sandbox"), ExtendedKeyUsageOID.SERVER_AUTH)
        for client in CLIENTS:
            subject = _name(client.user, client.groups)
            self._issue(key, certificate, self.client(client), subject, ExtendedKeyUsageOID.CLIENT_AUTH)
        self._issue(
            key,
            certificate,
            self.service_accounts,
            _name("service-accounts"),
            ExtendedKeyUsageOID.CLIENT_AUTH,
        )

    def _issue(
        self,
        authority_key: ec.EllipticCurvePrivateKey,
        authority: x509.Certificate,
        pair: KeyPair,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
    ) -> None:
        key = _new_key()
        builder = (
            _builder(subject, authority.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )
        if usage == ExtendedKeyUsageOID.SERVER_AUTH:
            builder = builder.add_extension(_server_names(), critical=False)
        _write(pair, key, builder.sign(authority_key, hashes.SHA256()))


def _server_names() -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.DNSName("localhost"),
            x509.DNSName("kubernetes.default.svc"),
        ]
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    subject = _name("trail-operator sandbox")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
    )


def _name(common_name: str, organizations: tuple[str, ...] = ()) -> x509.Name:
    return x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in organizations),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _write(pair: KeyPair, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    pair.key.touch(mode=0o600)
    pair.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
