"""What keeps a request from its server, in words: TLS and proxies. Of any library's errors, as far as they tell."""

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from aiohttp import ClientHttpProxyError, ClientProxyConnectionError
from botocore.exceptions import ProxyConnectionError
from urllib3.util.ssl_match_hostname import CertificateError

# https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_NOT_YET, _EXPIRED = 9, 10
_UNKNOWN = {2, 18, 19, 20, 21, 24}
_OTHER_NAME = {62, 64}


def hindrance(error: BaseException, bundle: str) -> str:
    """What stands in the way; "" where that is not known. `bundle`: what names the authorities that are trusted."""
    causes = [*_causes(error)]
    return next(filter(None, map(_proxy, causes)), "") or _tls(causes, bundle)


def _proxy(error: BaseException) -> str:
    if isinstance(error, ClientHttpProxyError):
        return f"the proxy answers {error.status} {error.message}"
    if isinstance(error, ClientProxyConnectionError):
        return f"the proxy {error.host}:{error.port} can't be reached"
    if isinstance(error, ProxyConnectionError):
        url = urlsplit(str(error.kwargs.get("proxy_url")))
        where = f"the proxy {url.scheme}://{url.netloc.rpartition('@')[2]}"
        told = str(error.kwargs.get("error"))
        _, tunnel, answer = told.partition("Tunnel connection failed: ")
        return f"{where} answers {answer.split(chr(39))[0]}" if tunnel else f"{where} can't be reached"
    return ""


def _tls(causes: list[BaseException], bundle: str) -> str:
    if not any(isinstance(cause, ssl.SSLError) or type(cause).__name__ == "SSLError" for cause in causes):
        return ""
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate(cause, bundle)
        if isinstance(cause, CertificateError):
            return f"the server's certificate is for another name: {cause}"
        if isinstance(cause, FileNotFoundError | PermissionError | IsADirectoryError):
            return f"{bundle} can't be read ({cause.strerror})"
        if isinstance(cause, ssl.SSLError) and cause.reason in ("NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB", None):
            return f"{bundle} holds no certificates that can be read"
    return ""


def _certificate(error: ssl.SSLCertVerificationError, bundle: str) -> str:
    if error.verify_code in _UNKNOWN:
        return (
            "the authority behind the server's certificate is not known here: if it is to be trusted, as that of a "
            f"proxy that looks into TLS, add it to {bundle}"
        )
    if error.verify_code in _OTHER_NAME:
        return f"the server's certificate is for another name: {error.verify_message.rstrip('.')}"
    if error.verify_code in (_NOT_YET, _EXPIRED):
        return f"the server's {error.verify_message.rstrip('.')}: check the clock here and the certificate there"
    return f"the server's certificate is not good: {error.verify_message.rstrip('.')}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that are behind it, wherever a library keeps them."""
    seen: set[int] = set()
    behind: list[object] = [error]
    while behind:
        one = behind.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        kept = getattr(one, "kwargs", None)
        behind += [*one.args, one.__cause__, one.__context__, getattr(one, "certificate_error", None)]
        behind += [kept.get("error")] if isinstance(kept, dict) else []
