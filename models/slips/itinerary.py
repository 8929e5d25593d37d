"""Checks of a stop's arguments before the run, the request that a stop sends, and the stops after a revision."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import JsonValue, TypeAdapter, ValidationError

from models.activities.base import Reply, Request
from models.base import Message
from models.errors import InvalidInput
from models.problems import Hints, problems, shown
from models.slips.references import VARIABLE
from models.slips.slip import AHEAD_AT_MOST, Revision, Stop
from models.texts import check_size


def argument_mistakes(
    at: str,
    stop: Stop,
    request_type: type[Request],
    variables: Mapping[str, JsonValue],
    answers: Mapping[str, type[Reply] | None],
    hints: Hints,
) -> Iterator[tuple[str, str]]:
    """Yield the mistakes (field, problem) in a stop's arguments, which must fit its request type.

    `at` is the stop's path in the error, such as `itinerary[0]`; `answers`: name of an earlier stop → its reply type,
    None when it is unknown.
    """
    fields = {name: field for name, field in request_type.model_fields.items() if name not in Request.model_fields}
    for name in stop.arguments:
        if name not in fields:
            similar = hints(shown(name), fields)
            yield f"{at}.arguments.{shown(name)}", f"{stop.activity} has no such argument{similar}"
    for name, field in fields.items():
        where = f"{at}.arguments.{name}"
        if name not in stop.arguments:
            if field.is_required():
                yield where, "is missing"
            continue
        try:
            if source := _of_a_stop(stop.arguments[name]):
                _check_reference(where, field.annotation, source, answers, hints)
            else:
                value = _resolved(where, stop.arguments[name], variables, hints)
                yield from _value_mistakes(where, request_type, name, value)
        except InvalidInput as mistake:
            yield mistake.field, mistake.problem


def request_of(
    stop: Stop,
    request_type: type[Request],
    key: str,
    process: str,
    variables: Mapping[str, JsonValue],
    answers: Mapping[str, Any],
) -> Request:
    """Return the request that a stop sends, with its references to variables and answers resolved.

    `answers`: name of an earlier stop → its reply.
    """
    document: dict[str, Any] = {"key": key, "order_id": process}
    for name, value in stop.arguments.items():
        if source := _of_a_stop(value):
            earlier, _, field = source.partition(".")
            document[name] = answers[earlier].model_dump(mode="json")[field]
        else:
            document[name] = _resolved(name, value, variables, Hints())
    return request_type.model_validate_json(json.dumps(document))


def revised(ahead: Sequence[Stop], revision: Revision) -> tuple[Stop, ...]:
    """Return the stops ahead after a revision; raise InvalidInput when it names a stop that isn't ahead."""
    stops = _revised(ahead, revision)
    try:
        check_size("revision", [stop.model_dump() for stop in stops], AHEAD_AT_MOST)
    except ValueError:
        problem = f"the stops ahead are over {AHEAD_AT_MOST // 1024} KB with it"
        raise InvalidInput("revision", problem) from None
    return stops


def _revised(ahead: Sequence[Stop], revision: Revision) -> tuple[Stop, ...]:
    if revision.terminate:
        return ()
    if revision.replace is not None:
        return revision.replace
    names = [stop.name for stop in ahead]
    for name in (*revision.drop, revision.before, revision.after):
        if name is not None and name not in names:
            raise InvalidInput("revision", f"{name} is not ahead")
    anchor = revision.before or revision.after
    place = names.index(anchor) + (revision.after is not None) if anchor else 0
    stops = (*ahead[:place], *revision.insert, *ahead[place:])
    return tuple(stop for stop in stops if stop.name not in revision.drop or stop in revision.insert)


def _of_a_stop(value: JsonValue) -> str | None:
    """Return `stop.field` when an argument refers to the answer of a stop, otherwise None."""
    name = value.get(VARIABLE) if isinstance(value, dict) and set(value) == {VARIABLE} else None
    return name if isinstance(name, str) and "." in name else None


def _check_reference(
    where: str, annotation: Any, source: str, answers: Mapping[str, type[Message] | None], hints: Hints
) -> None:
    stop, _, name = source.partition(".")
    if stop not in answers:
        raise InvalidInput(where, f"no stop {shown(stop)} comes before it{hints(shown(stop), answers)}")
    reply = answers[stop]
    if reply is None:
        return
    given = reply.model_fields.get(name)
    if given is None:
        similar = hints(shown(name), reply.model_fields)
        raise InvalidInput(where, f"the answer of {stop} has no {shown(name)}{similar}")
    if given.annotation != annotation and given.annotation not in get_args(annotation):
        raise InvalidInput(where, f"{shown(source)} is of another type")


def _value_mistakes(where: str, request_type: type[Request], name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    kind, adapter = _type_of(request_type, name)
    try:
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        for inner, problem in problems(error, kind):
            dot = "." * bool(inner and not inner.startswith("["))
            yield f"{where}{dot}{inner}", problem


@cache
def _type_of(request_type: type[Request], name: str) -> tuple[Any, TypeAdapter[Any]]:
    """Return the type of one field: each is checked alone, because those that refer to an answer have no value yet."""
    field = request_type.model_fields[name]
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return kind, TypeAdapter(kind)


def _resolved(where: str, value: JsonValue, variables: Mapping[str, JsonValue], hints: Hints) -> JsonValue:
    """Return the value with all references to variables replaced; raise InvalidInput for an unknown variable."""
    if isinstance(value, list):
        return [_resolved(where, item, variables, hints) for item in value]
    if not isinstance(value, dict):
        return value
    if VARIABLE not in value:
        return {name: _resolved(where, item, variables, hints) for name, item in value.items()}
    name = value[VARIABLE]
    if len(value) > 1 or not isinstance(name, str) or name not in variables:
        similar = hints(shown(name), variables) if isinstance(name, str) else ""
        raise InvalidInput(where, f"there is no variable {shown(str(name))}{similar}")
    return variables[name]
