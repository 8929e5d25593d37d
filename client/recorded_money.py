"""The money at risk of an open process by the services' own records, where no workflow tells it."""

from activities.process_types import process_types
from models.money import Money
from models.names import ProcessName
from services.assembly import Services


async def recorded_money(services: Services, name: ProcessName) -> Money | None:
    """Return what the effects of an open process may cost, None when there are none or it has ended."""
    (of_type,) = [each for each in process_types(services) if each.kind is name.kind]
    found = await of_type.open.read(name.id)
    return await of_type.at_risk(name.id, found) if found else None
