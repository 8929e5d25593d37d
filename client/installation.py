"""Bind a database and a namespace of Temporal to each other, and move one of them."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

from temporalio.client import Client, ScheduleAlreadyRunningError

from activities.installation import create_marker, delete_marker, read_namespace
from activities.server_features import require_features
from models import names
from models.errors import Conflict, InvalidInput, WrongInstallation
from models.installation import Binding, DatabaseSide, Marker, NamespaceSide, binding_of, check, marker_of
from models.participants import Owner
from models.server_features import SCHEDULES
from postgres.database import Database
from services.assembly import Services
from services.installation.installation import Installation, marked

_RUNNING = f"WorkflowType IN ({names.PROCESS_WORKFLOWS}) AND ExecutionStatus = 'Running'"


async def bind(client: Client, record: Installation) -> None:
    """Bind both sides to each other where they are not yet; safe to repeat, also at the same time.

    Raises WrongInstallation when a side belongs to another installation, NotSetUp when the server has no schedules,
    Unavailable, RPCError.
    """
    await require_features(client, SCHEDULES)
    # In this order, because another set-up at the same time writes the database first.
    namespace, database = await read_namespace(client, record.owner), await record.read()
    known, marker = binding_of(database, namespace), marker_of(namespace, database)
    if marker is not None:
        return
    if known is None:
        await record.bind(_new_binding(database, namespace))
        database = await record.read()
    binding = binding_of(database, namespace)
    if binding is None:
        raise _at_the_same_time(namespace)
    try:
        await create_marker(client, _marker(binding, database), record.owner)
    except ScheduleAlreadyRunningError:
        await _check_rival(client, record, database, binding, was_free=known is None)


async def bind_database(client: Client, database_url: str, owners: Sequence[Owner] = ("orders",)) -> None:
    """Bind the database of these services as `bind` does, on a connection of its own."""
    async with await Database.open(database_url, size=1) as database:
        for owner in marked(owners):
            await bind(client, Installation(database, owner))


async def refuse_another(client: Client, database_url: str, owners: Sequence[Owner] = ("orders",)) -> None:
    """Check, before anything is written, that neither side is known to belong elsewhere.

    `owners` are the services that have the database. One that was never set up belongs to nobody, but a service that
    is to be in that of the orders may have had its own. Raises WrongInstallation, NotSetUp when the server has no
    schedules, Unavailable, RPCError.
    """
    await require_features(client, SCHEDULES)
    async with await Database.open(database_url, size=1) as database:
        for owner in owners:
            record = Installation(database, owner)
            namespace = await read_namespace(client, owner)
            if await record.exists():
                here = await record.read()
                binding_of(here, namespace), marker_of(namespace, here)
            elif owner not in marked(owners):
                name = await record.name()
                marker_of(namespace, DatabaseSide(owner=owner, place=database.place, name=name, database_id="/"))


async def may_migrate(client: Client, database_url: str, *, database: str, namespace: str) -> bool:
    """Return whether a database that is moved was ever set up, so that its schemas may have to be migrated first.

    Raises InvalidInput when `database` or `namespace` is not the configured one.
    """
    async with await Database.open(database_url, size=1) as opened:
        record = Installation(opened)
        _confirm("--database", database, await record.name())
        _confirm("--namespace", namespace, client.namespace)
        return await record.exists()


async def _check_rival(
    client: Client, record: Installation, database: DatabaseSide, binding: Binding, *, was_free: bool
) -> None:
    """Check that the record which another set-up made at the same time names this database; else raise."""
    try:
        marker_of(await read_namespace(client, record.owner), database)
    except WrongInstallation:
        if was_free:
            await record.release(binding.installation_id)
        raise


async def move(
    client: Client, services: Services, owner: Owner = "orders", *, database: str, namespace: str, with_unfinished: bool
) -> bool:
    """Bind both sides to each other although one belongs elsewhere; return False when they are bound already.

    `owner` is the service whose own database is moved; `database` and `namespace` confirm what is moved. Raises
    InvalidInput when they are other names, NotSetUp when there is nothing to move, Conflict when processes are
    unfinished on a side, Unavailable, RPCError.
    """
    record = Installation(services.databases.owned_by(owner), owner)
    here, there = await record.read(), await read_namespace(client, owner)
    _confirm("--database", database, here.name)
    _confirm("--namespace", namespace, there.name)
    try:
        check(here, there)
    except WrongInstallation:
        if not with_unfinished:
            await _refuse_unfinished(client, services, here, there)
    else:
        return False
    drawn = _drawn(here, there)
    await record.move(drawn)
    await delete_marker(client, owner)
    try:
        await create_marker(client, _marker(drawn, here), owner)
    except ScheduleAlreadyRunningError:
        raise _at_the_same_time(there) from None
    return True


def _drawn(here: DatabaseSide, there: NamespaceSide) -> Binding:
    """Return the record of a move: a new one, but the one that another service in the same database moved before."""
    if here.owner != "orders":
        with suppress(WrongInstallation):
            if known := binding_of(here, there):
                return known
    return _new_binding(here, there)


async def _refuse_unfinished(client: Client, services: Services, here: DatabaseSide, there: NamespaceSide) -> None:
    # The own database of a service has no processes.
    of_orders = here.owner == "orders"
    stored = await services.open_orders.count() + await services.slips.count_open() if of_orders else 0
    running = (await client.count_workflows(_RUNNING)).count
    if stored or running:
        raise Conflict(
            f"{stored} orders and slips are unfinished in the database {here.place}, {running} run in the namespace "
            f"{there.place}: let them end where they run now; where that is lost, add --with-unfinished, and the "
            "reconciler completes or undoes those that don't run here"
        )


def _at_the_same_time(namespace: NamespaceSide) -> Conflict:
    return Conflict(f"the namespace {namespace.place} was set up or moved at the same time; run the command again")


def _confirm(option: str, given: str, configured: str) -> None:
    if given != configured:
        raise InvalidInput(option, f"is not the configured one, which is {configured}")


def _new_binding(database: DatabaseSide, namespace: NamespaceSide) -> Binding:
    return Binding(
        installation_id=str(uuid4()),
        namespace=namespace.name,
        namespace_id=namespace.namespace_id,
        server=namespace.server,
        database_id=database.database_id,
    )


def _marker(binding: Binding, database: DatabaseSide) -> Marker:
    return Marker(installation_id=binding.installation_id, database=database.place, database_id=database.database_id)
