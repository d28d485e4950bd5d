"""Explains why a connection failed because of TLS or a proxy: exceptions of botocore, urllib3 and aiohttp."""

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from aiohttp import ClientHttpProxyError, ClientProxyConnectionError
from botocore.exceptions import ProxyConnectionError
from urllib3.util.ssl_match_hostname import CertificateError

# https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_AUTHORITY = {2, 18, 19, 20, 21, 24}
_OTHER_NAME = {62, 64}


def explain_connection_error(error: BaseException, bundle: str) -> str:
    """Return the cause, or "" if it is unknown. `bundle`: where the trusted certificate authorities are configured."""
    causes = [*_causes(error)]
    return next(filter(None, map(_proxy, causes)), "") or _tls(causes, bundle)


def _proxy(error: BaseException) -> str:
    if isinstance(error, ClientHttpProxyError):
        return f"the proxy answers {error.status} {error.message}"
    if isinstance(error, ClientProxyConnectionError):
        return f"the proxy {error.host}:{error.port} cannot be reached"
    if isinstance(error, ProxyConnectionError):
        url = urlsplit(str(error.kwargs.get("proxy_url")))
        proxy = f"the proxy {url.scheme}://{url.netloc.rpartition('@')[2]}"
        text = str(error.kwargs.get("error"))
        _, is_answer, answer = text.partition("Tunnel connection failed: ")
        return f"{proxy} answers {answer.split(chr(39))[0]}" if is_answer else f"{proxy} cannot be reached"
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
            return f"{bundle} cannot be read ({cause.strerror})"
        if isinstance(cause, ssl.SSLError) and cause.reason in ("NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB", None):
            return f"{bundle} contains no valid certificates"
    return ""


def _certificate(error: ssl.SSLCertVerificationError, bundle: str) -> str:
    message = error.verify_message.rstrip(".")
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return (
            "the certificate authority of the server is unknown: if it is trusted, such as that of a proxy that "
            f"inspects TLS, add it to {bundle}"
        )
    if error.verify_code in _OTHER_NAME:
        return f"the server's certificate is for another name: {message}"
    if error.verify_code in (_NOT_YET_VALID, _EXPIRED):
        return f"the server's {message}: check the clock of the node and the certificate of the server"
    return f"the server's certificate is invalid: {message}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all exceptions that caused it, wherever the libraries keep them."""
    visited: set[int] = set()
    queue: list[object] = [error]
    while queue:
        cause = queue.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in visited:
            continue
        visited.add(id(cause))
        yield cause
        arguments = getattr(cause, "kwargs", None)
        queue += [*cause.args, cause.__cause__, cause.__context__, getattr(cause, "certificate_error", None)]
        queue += [arguments.get("error")] if isinstance(arguments, dict) else []
