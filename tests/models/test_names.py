"""Every name of a process that is printed anywhere, also in alerts and keys, is an id that commands take."""

from models.names import ProcessKind, ProcessName, readings


def test_the_name_of_a_slip_in_alerts_and_keys_is_an_id() -> None:
    assert readings("slip.s-1") == (ProcessName(ProcessKind.SLIP, "s-1"),)
    assert readings("slip.s-1", [ProcessKind.ORDER]) == ()
    assert readings("slip.") == ()
