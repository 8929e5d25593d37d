"""The currencies of processes by the services' own records, where no workflow tells them."""

from collections.abc import Collection

from models.names import ProcessKind, ProcessName
from models.slips.slip import CURRENCY
from services.assembly import Services


async def currencies_of(services: Services, found: Collection[ProcessName]) -> dict[ProcessName, str]:
    """Return the currency of all amounts of each process, without the orders that were never accepted."""
    currencies = {name: CURRENCY for name in found if name.kind is ProcessKind.SLIP}
    ids = [name.id for name in found if name.kind is ProcessKind.ORDER]
    for record in await services.orders.of_ids(ids) if ids else []:
        if record.total:
            currencies[ProcessName(ProcessKind.ORDER, record.order_id)] = record.total.currency
    return currencies
