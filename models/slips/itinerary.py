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
from models.slips.slip import Revision, Stop

VARIABLE = "$var"
# Of the variables in one argument, as JSON. The largest argument that any activity takes is smaller.
VARIABLES_IN_ARGUMENT = 16 * 1024


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
                value = _Variables(where, variables, hints).in_(stop.arguments[name])
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
            document[name] = _Variables(name, variables, Hints()).in_(value)
    return request_type.model_validate_json(json.dumps(document))


def revised(ahead: Sequence[Stop], revision: Revision) -> tuple[Stop, ...]:
    """Return the stops ahead after a revision; raise InvalidInput when it names a stop that isn't ahead."""
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


class _Variables:
    """The variables of a slip, to replace the references in the argument `where`."""

    def __init__(self, where: str, variables: Mapping[str, JsonValue], hints: Hints) -> None:
        self._where, self._variables, self._hints, self._left = where, variables, hints, VARIABLES_IN_ARGUMENT

    def in_(self, value: JsonValue) -> JsonValue:
        """Return the value with all references replaced; raise InvalidInput for an unknown variable, or too many."""
        if isinstance(value, list):
            return [self.in_(item) for item in value]
        if not isinstance(value, dict):
            return value
        if VARIABLE not in value:
            return {name: self.in_(item) for name, item in value.items()}
        name = value[VARIABLE]
        if len(value) > 1 or not isinstance(name, str) or name not in self._variables:
            similar = self._hints(shown(name), self._variables) if isinstance(name, str) else ""
            raise InvalidInput(self._where, f"there is no variable {shown(str(name))}{similar}")
        self._left -= len(json.dumps(self._variables[name]))
        if self._left < 0:
            raise InvalidInput(self._where, f"is over {VARIABLES_IN_ARGUMENT // 1024} KB with its variables")
        return self._variables[name]
