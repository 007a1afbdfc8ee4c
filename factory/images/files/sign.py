"""C2PA manifests: a signature over a picture and over the statement where it comes from. The only file that uses `c2pa`.

Optional (`pip install content-factory[c2pa]`). Nothing is fetched: no remote manifest, no revocation list, no trust list.
Only a job's `timestamp_url` is contacted, and only when a picture is signed. Signing twice gives two different files: the
standard salts every assertion.
"""

import io
import json
import os
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from factory.engines.base import Pixels
from factory.errors import JobError, PictureError
from factory.images.files.encode import encode_picture
from factory.images.files.provenance import CREATOR, SOURCE_TYPES, Provenance, find_version
from schemas.creative import Slot
from schemas.images import Signing

# The library must not write a thumbnail either: it has 55 to 176 KB, and a banner 50.
_SETTINGS = {
    "core": {"allowed_network_hosts": []},
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {
        "verify_after_sign": True,
        "verify_trust": False,  # the verifier has the trust list: without one no chain would be trusted
        "verify_timestamp_trust": False,
        "ocsp_fetch": False,
        "remote_manifest_fetch": False,
    },
}
_MARGIN = 512  # bytes by which containers and model names may differ from the probe


class Signer:
    """Signs pictures with one certificate chain. It stays in the process that loaded it, because it holds a private key.

    `overhead` is the number of bytes that a signature adds to a file at most: the `reserve` of `encode_picture`.
    """

    def __init__(self, config: Signing, chain: bytes, key: bytes) -> None:
        offline = _make_context(config, chain, key, None)
        probe = encode_picture(_draw_probe(), Slot(name="probe", role="main", width=16, height=16, formats=["png"]))
        self._context = offline
        grown = len(self.sign(probe.data, probe.mime, Provenance("algorithmicMedia"))) - len(probe.data)
        self.overhead = grown + _MARGIN
        if config.timestamp_url is not None:
            self._context = _make_context(config, chain, key, config.timestamp_url)
            self.overhead += 10_000  # what the library reserves for the answer of a time stamp authority

    def sign(self, data: bytes, mime: str, provenance: Provenance) -> bytes:
        """Return the file with a manifest in it: created by this factory, with its digital source type and its models.

        The pixels do not change. Raises PictureError not_signed, which is retryable.
        """
        from c2pa import Builder, C2paError

        signed = io.BytesIO()
        try:
            builder = Builder(_write_manifest(mime, provenance), self._context)
            builder.sign(mime, io.BytesIO(data), signed)
        except C2paError as error:
            raise PictureError(
                "not_signed",
                f"no C2PA manifest could be written into the {mime} file: {str(error)[:200]}",
                "check that the certificate is still valid, and that signing.timestamp_url answers where one is set",
                retryable=True,
            ) from None
        return signed.getvalue()

    def __repr__(self) -> str:
        return f"Signer(overhead={self.overhead})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Signer holds a private key and is not sent to other processes: load it in the one that signs"
        )


def load_signer(config: Signing) -> Signer:
    """Return a signer with chain and key from the files that environment variables name, tested on a small picture.

    Raises JobError when a variable, a file or the library is missing, when chain, key and algorithm do not match, and when
    the certificate may not sign C2PA claims.
    """
    try:
        import c2pa  # noqa: F401
    except ImportError as error:
        raise JobError("images.signing needs the c2pa library", "pip install 'content-factory[c2pa]'") from error
    chain = _read_pem(config.certificate_variable, "CERTIFICATE")
    key = _read_pem(config.key_variable, "PRIVATE KEY")
    try:
        return Signer(config, chain, key)
    except PictureError as error:
        reason = error.message.rpartition(": ")[2]
    raise JobError(
        f"the certificate of {config.certificate_variable} and the key of {config.key_variable} cannot sign with "
        f"{config.algorithm}: {reason}",
        "the chain starts with the certificate of this very key, is valid today, has the key usage digitalSignature and the "
        "extended key usage emailProtection, documentSigning or C2PA signing, and was issued by the next one in the file; "
        "signing.algorithm is that of the key",
    )


def read_manifest(data: bytes, mime: str) -> dict[str, Any]:
    """Return the manifest store of a file from C2PA's own reader, with its validation; {} for a file without one.

    `validation_state` is "Valid" if signature and hashes are right. That says nothing about whose certificate it is. Raises
    PictureError unreadable_manifest.
    """
    from c2pa import C2paError, Context, Reader, Settings

    try:
        with Reader(mime, io.BytesIO(data), context=Context(Settings.from_dict(_SETTINGS))) as reader:
            store: dict[str, Any] = json.loads(reader.json())
            return store
    except C2paError.ManifestNotFound:
        return {}
    except C2paError as error:
        raise PictureError(
            "unreadable_manifest", f"the C2PA manifest cannot be read: {str(error)[:200]}", "sign the picture again"
        ) from error


def _write_manifest(mime: str, provenance: Provenance) -> dict[str, Any]:
    created = {
        "action": "c2pa.created",
        "digitalSourceType": SOURCE_TYPES + provenance.source_type,
        "softwareAgent": {"name": CREATOR, "version": find_version()},
    }
    if provenance.models:
        created["parameters"] = {"models": [model[:100] for model in provenance.models[:4]]}
    return {
        "claim_generator_info": [{"name": CREATOR, "version": find_version()}],
        "format": mime,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }


def _make_context(config: Signing, chain: bytes, key: bytes, timestamp_url: str | None) -> Any:
    from c2pa import C2paError, C2paSignerInfo, Context, Settings
    from c2pa import Signer as NativeSigner

    try:
        signer = NativeSigner.from_info(C2paSignerInfo(config.algorithm, chain, key, timestamp_url))
        return Context(Settings.from_dict(_SETTINGS), signer)
    except C2paError as error:
        raise PictureError("not_signed", str(error)[:200]) from None


def _read_pem(variable: str, what: str) -> bytes:
    """Read the PEM file that an environment variable names. Messages say nothing about its content but its kind."""
    path = os.environ.get(variable, "")
    if not path:
        raise JobError(f"images.signing: {variable} is not set", f"set it to the path of a PEM file: {what.lower()}")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise JobError(f"{variable}: {path} cannot be read: {error.strerror}", "check path and permissions") from error
    if b"-----BEGIN ENCRYPTED" in content:
        raise JobError(
            f"{variable}: the key in {path} is encrypted", "give one that needs no passphrase, readable by you only"
        )
    if f"{what}-----".encode() not in content or b"-----BEGIN" not in content or b"\0" in content:
        raise JobError(f"{variable}: {path} holds no {what.lower()}", f"name a PEM file with -----BEGIN {what}-----")
    return content


def _draw_probe() -> Pixels:
    return np.zeros((16, 16, 3), np.uint8)
