"""The errors of the SDK's transport in words: the SDK passes on the debug output of its Rust libraries."""

from models.errors import InvalidInput

CERTIFICATE, KEY = "TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"
# Parts of the debug output → the field that is at fault, and why.
MISTAKES = {
    "KeyMismatch": (KEY, "is not the key of the client certificate"),
    "Must have both client cert and private key": (KEY, f"is needed beside {CERTIFICATE}, and the other way round"),
    "PrivateKeyParseError": (KEY, "is not a private key in PEM"),
    "CertificateParseError": (CERTIFICATE, "is not a certificate in PEM"),
}
_SERVER = "the server's certificate"
_CLIENT = f"the server refuses this client's certificate, or wants one; see {CERTIFICATE} and {KEY}"
# Parts of the debug output → what it means; the first that fits decides.
MEANINGS = {
    "ConnectionRefused": "connection refused",
    "dns error": "the host name is not known",
    "UnknownIssuer": f"{_SERVER} is not of a trusted authority; see TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    "NotValidForName": f"{_SERVER} is for another name; see TEMPORAL_TLS_SERVER_NAME",
    "Expired": f"{_SERVER} has expired",
    "InvalidCertificate": f"{_SERVER} is not valid; see TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    "CertificateRequired": _CLIENT,
    "BadCertificate": _CLIENT,
    "UnknownCA": _CLIENT,
    "AccessDenied": _CLIENT,
    "DecryptError": _CLIENT,
    "InvalidContentType": "the server has no TLS; see TEMPORAL_TLS",
    "tls handshake eof": "the server ended the TLS handshake: it may have no TLS; see TEMPORAL_TLS",
}
# The server closed a connection that was made.
CLOSED = ("transport error", "broken pipe", "BrokenPipe", "ConnectionReset", "h2 protocol error")
NO_TLS = "the server closed the connection: it may want TLS; see TEMPORAL_TLS"
WITH_TLS = f"the server closed the connection: it may want a client certificate; see TEMPORAL_TLS and {CERTIFICATE}"
DEBUG_OUTPUT = (": Status {", ": tonic::")


def in_words(error: str, *, tls: bool) -> str:
    """Return an error of the transport in one line; `tls`: the client used TLS.

    Raises InvalidInput that names the variable when the client's own certificate or key is at fault.
    """
    for part, (field, problem) in MISTAKES.items():
        if part in error:
            raise InvalidInput(field, problem)
    for part, meaning in MEANINGS.items():
        if part in error:
            return meaning
    if any(part in error for part in CLOSED):
        return WITH_TLS if tls else NO_TLS
    line = " ".join(error.split())
    for start in DEBUG_OUTPUT:
        line = line.partition(start)[0]
    return line[:300]
