"""The currency of a process by the services' own records, where no workflow tells it."""

from models.names import ProcessKind, ProcessName
from models.slips.slip import CURRENCY
from services.assembly import Services


async def currency_of(services: Services, name: ProcessName) -> str | None:
    """Return the currency of all amounts of a process, None for an order that was never accepted."""
    if name.kind is ProcessKind.SLIP:
        return CURRENCY
    record = await services.orders.find(name.id)
    return record.total.currency if record and record.total else None
