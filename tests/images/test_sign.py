"""C2PA manifests with a certificate chain that is made here: signed offline, read back, tampered with."""

import io
import pickle
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factory.errors import JobError, PictureError
from factory.images.files.encode import MIMES, encode_picture
from factory.images.files.provenance import Provenance, check_stamp, write_xmp
from factory.images.files.sign import Signer, load_signer, read_manifest
from schemas.creative import Slot
from schemas.images import Signing
from tests.support.composition_builders import draw_creative

pytest.importorskip("c2pa")
x509 = pytest.importorskip("cryptography.x509")

from cryptography.hazmat.primitives import hashes  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier  # noqa: E402

MADE_OF = Provenance("compositeSynthetic", creative_id="c" * 32, brief_id="b-1", models=("smollm2", "sana"))


def make_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def write_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certify(
    key: ec.EllipticCurvePrivateKey,
    issuer: ec.EllipticCurvePrivateKey,
    purpose: ObjectIdentifier | None = None,
    days: int = 30,
) -> bytes:
    """A certificate of the C2PA profile; without a purpose that of the issuer itself."""
    names = [
        x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
        )
        for name in ("signer", "issuer")
    ]
    is_issuer, now = purpose is None, datetime.now(UTC)
    usage = x509.KeyUsage(not is_issuer, False, False, False, False, is_issuer, is_issuer, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(names[is_issuer])
        .issuer_name(names[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_issuer, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
    )
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    certificate: bytes = builder.sign(issuer, hashes.SHA256()).public_bytes(Encoding.PEM)
    return certificate


class Files:
    """The two files that a job's signing names, and what is in them."""

    def __init__(self, folder: Path) -> None:
        issuer, key = make_key(), make_key()
        self.issuer, self.key = issuer, key
        self.certificate_path, self.key_path = folder / "chain.pem", folder / "key.pem"
        self.certificate_path.write_bytes(
            certify(key, issuer, ExtendedKeyUsageOID.EMAIL_PROTECTION) + certify(issuer, issuer)
        )
        self.key_path.write_bytes(write_key(key))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    made = Files(tmp_path)
    monkeypatch.setenv("FACTORY_C2PA_CERTIFICATE", str(made.certificate_path))
    monkeypatch.setenv("FACTORY_C2PA_KEY", str(made.key_path))
    return made


@pytest.fixture
def signer(files: Files) -> Signer:
    return load_signer(Signing())


@pytest.fixture
def visitors() -> Iterator[tuple[int, list[str]]]:
    """A server on loopback that notes who comes: its port, and the paths that were asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(500)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_port, paths
    server.shutdown()
    server.server_close()


def make_file(name: str, reserve: int = 0, max_bytes: int | None = None, xmp: bytes = b"") -> bytes:
    slot = Slot(name="test", role="creative", width=320, height=50, formats=[name], max_bytes=max_bytes)
    return encode_picture(draw_creative(320, 50), slot, reserve, xmp or write_xmp(MADE_OF)).data


@pytest.mark.parametrize("name", ["jpg", "png", "webp", "avif"])
def test_a_signed_file_holds_manifest_stamp_and_pixels(name: str, signer: Signer) -> None:
    data = make_file(name)
    signed = signer.sign(data, MIMES[name], MADE_OF)
    store = read_manifest(signed, MIMES[name])
    assert store["validation_state"] == "Valid"
    manifest = store["manifests"][store["active_manifest"]]
    assert manifest["claim_generator_info"][0]["name"] == "content-factory"
    assert "thumbnail" not in manifest and not manifest.get("ingredients")
    [actions] = [each["data"]["actions"] for each in manifest["assertions"] if each["label"] == "c2pa.actions.v2"]
    assert len(actions) == 1
    assert actions[0]["action"] == "c2pa.created"
    assert actions[0]["digitalSourceType"].endswith("/newscodes/digitalsourcetype/compositeSynthetic")
    assert actions[0]["softwareAgent"]["name"] == "content-factory"
    assert actions[0]["parameters"]["models"] == ["smollm2", "sana"]
    check_stamp(signed, MADE_OF)
    before, after = (np.asarray(Image.open(io.BytesIO(each))) for each in (data, signed))
    assert np.array_equal(before, after)
    assert len(signed) - len(data) <= signer.overhead


def test_the_weight_holds_with_the_signature(signer: Signer) -> None:
    data = make_file("jpg", signer.overhead, 9_000)
    assert len(data) > 9_000 - signer.overhead - 1_000, "the signature was given more room than it needs"
    assert len(signer.sign(data, "image/jpeg", MADE_OF)) <= 9_000
    assert signer.overhead < 4_500


def test_a_changed_picture_is_no_longer_valid(signer: Signer) -> None:
    signed = bytearray(signer.sign(make_file("jpg"), "image/jpeg", MADE_OF))
    signed[-40] ^= 1
    assert read_manifest(bytes(signed), "image/jpeg")["validation_state"] == "Invalid"


def test_a_file_without_manifest_has_none() -> None:
    assert read_manifest(make_file("png"), "image/png") == {}


def test_what_cannot_be_signed_or_read_is_a_picture_error(signer: Signer) -> None:
    with pytest.raises(PictureError, match="no C2PA manifest"):
        signer.sign(b"no picture", "image/jpeg", MADE_OF)
    with pytest.raises(PictureError, match="cannot be read"):
        read_manifest(b"no picture", "image/png")


def test_nothing_is_fetched_for_a_picture_that_names_a_manifest_elsewhere(
    signer: Signer, visitors: tuple[int, list[str]]
) -> None:
    port, paths = visitors
    packet = (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="http://127.0.0.1:{port}/manifest.c2pa"/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()
    data = make_file("jpg", xmp=packet)
    with pytest.raises(PictureError, match="cannot be read"):
        read_manifest(data, "image/jpeg")
    signer.sign(data, "image/jpeg", MADE_OF)
    assert paths == []


def test_a_time_stamp_is_asked_for_only_where_the_job_says_so(files: Files, visitors: tuple[int, list[str]]) -> None:
    port, paths = visitors
    signer = load_signer(Signing(timestamp_url=f"http://127.0.0.1:{port}/time"))
    assert paths == [], "loading a signer needs no network"
    assert signer.overhead > 10_000
    with pytest.raises(PictureError) as caught:
        signer.sign(make_file("jpg"), "image/jpeg", MADE_OF)
    assert (caught.value.reason, caught.value.retryable) == ("not_signed", True)
    assert set(paths) == {"/time"}


def test_the_key_is_in_no_text_and_no_pickle(signer: Signer, files: Files) -> None:
    secret = files.key_path.read_text().splitlines()[1]
    assert secret not in repr(signer) + str(vars(signer))
    with pytest.raises(TypeError, match="is not sent to other processes"):
        pickle.dumps(signer)


def test_missing_and_unreadable_files_are_named(files: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACTORY_C2PA_KEY", str(tmp_path / "absent.pem"))
    with pytest.raises(JobError, match=r"FACTORY_C2PA_KEY: .*absent\.pem cannot be read"):
        load_signer(Signing())
    monkeypatch.delenv("FACTORY_C2PA_KEY")
    with pytest.raises(JobError, match="FACTORY_C2PA_KEY is not set"):
        load_signer(Signing())
    with pytest.raises(JobError, match="MY_CHAIN is not set"):
        load_signer(Signing(certificate_variable="MY_CHAIN"))


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN PRIVATE KEY-----\0", b"-----BEGIN CERTIFICATE-----\n"]
)
def test_a_file_that_holds_no_key_is_refused(content: bytes, files: Files) -> None:
    files.key_path.write_bytes(content)
    with pytest.raises(JobError, match="holds no private key"):
        load_signer(Signing())


def test_what_does_not_belong_together_is_found_at_the_start(files: Files) -> None:
    cases = {
        "another key": (None, make_key(), "es256"),
        "an old certificate": (
            certify(files.key, files.issuer, ExtendedKeyUsageOID.EMAIL_PROTECTION, days=-1),
            files.key,
            "es256",
        ),
        "a web server's": (certify(files.key, files.issuer, ExtendedKeyUsageOID.SERVER_AUTH), files.key, "es256"),
        "another algorithm": (None, files.key, "ps256"),
    }
    chain = files.certificate_path.read_bytes()
    for name, (certificate, key, algorithm) in cases.items():
        files.certificate_path.write_bytes(certificate + certify(files.issuer, files.issuer) if certificate else chain)
        files.key_path.write_bytes(write_key(key))
        with pytest.raises(JobError, match="cannot sign with") as caught:
            load_signer(Signing(algorithm=algorithm))  # type: ignore[arg-type]
        secret = write_key(key).decode().splitlines()[1]
        assert secret not in str(caught.value), name
        assert secret not in repr(caught.getrepr(showlocals=False)), name
