"""Errors of the SDK's transport are reported in words that name the setting at fault; the texts are the SDK's own."""

import pytest

from models.errors import InvalidInput
from runtime.transport_errors import in_words

STATUS = (
    "Failed client connect: `get_system_info` call error after connection: Status {{ code: Unknown, message: "
    '"transport error", source: Some(tonic::transport::Error(Transport, hyper::Error(Io, Custom {{ kind: {} }}))) }}'
)
CONNECT = "Failed client connect: Server connection error: tonic::transport::Error(Transport, {})"
CUSTOM = "ConnectError(Custom {{ kind: InvalidData, error: {} }})"
REFUSED = 'ConnectError(ConnectError("tcp connect error", 127.0.0.1:54887, Os { code: 111, kind: ConnectionRefused }))'

WORDS = {
    (STATUS.format('BrokenPipe, error: "stream closed because of a broken pipe"'), False): "TEMPORAL_TLS",
    (STATUS.format('UnexpectedEof, error: "peer closed connection"'), True): "TEMPORAL_TLS_CLIENT_CERT_PATH",
    (STATUS.format('InvalidData, error: AlertReceived(CertificateRequired)"'), True): "TEMPORAL_TLS_CLIENT_CERT_PATH",
    (CONNECT.format(CUSTOM.format("InvalidCertificate(UnknownIssuer)")), True): "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    (CONNECT.format(CUSTOM.format("InvalidCertificate(BadSignature)")), True): "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    (CONNECT.format(CUSTOM.format("InvalidCertificate(NotValidForName)")), True): "TEMPORAL_TLS_SERVER_NAME",
    (CONNECT.format(CUSTOM.format("InvalidCertificate(Expired)")), True): "has expired",
    (CONNECT.format(CUSTOM.format("InvalidMessage(InvalidContentType)")), True): "has no TLS; see TEMPORAL_TLS",
    (CONNECT.format('ConnectError(Custom { kind: UnexpectedEof, error: "tls handshake eof" })'), True): "TEMPORAL_TLS",
    (CONNECT.format(REFUSED), False): "connection refused",
}
MISTAKES = {
    CONNECT.format("InconsistentKeys(KeyMismatch)"): "TEMPORAL_TLS_CLIENT_KEY_PATH",
    CONNECT.format("PrivateKeyParseError"): "TEMPORAL_TLS_CLIENT_KEY_PATH",
    CONNECT.format("CertificateParseError"): "TEMPORAL_TLS_CLIENT_CERT_PATH",
    "Must have both client cert and private key or neither": "TEMPORAL_TLS_CLIENT_KEY_PATH",
}


@pytest.mark.parametrize(("error", "tls"), WORDS)
def test_an_error_is_told_in_words(error: str, tls: bool) -> None:
    words = in_words(error, tls=tls)

    assert WORDS[error, tls] in words
    assert "::" not in words
    assert "{" not in words


@pytest.mark.parametrize("error", MISTAKES)
def test_a_certificate_or_key_that_can_not_work_is_a_mistake_of_the_input(error: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        in_words(error, tls=True)

    assert caught.value.field == MISTAKES[error]


def test_an_unknown_error_has_no_debug_output() -> None:
    assert in_words(CONNECT.format("Whatever { it: is }"), tls=True) == "Failed client connect: Server connection error"
