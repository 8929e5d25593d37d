"""Request and reply of the activity that alerts operators."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from models.activities.base import Reply, Request
from models.forms import form
from models.money import Currency
from models.slips.slip import Name
from models.texts import one_line

FAILURE_AT_MOST = 1000
# The direction of the alert of a dead letter.
LETTER = "letter"


class Alert(Request):
    """A parked effect: its step, its failure, and the amount at risk in minor units.

    The key is that of the step, with the direction and the number of the alert: `o-1:charge:undo:0`.
    """

    _more: ClassVar[str] = r":[a-z]{1,10}:[0-9]{1,6}"

    step: Name
    direction: Annotated[str, form(r"^[a-z]{1,10}$", "1 to 10 lower-case letters")]
    failure: Annotated[str, Field(max_length=FAILURE_AT_MOST), AfterValidator(one_line)]
    at_risk: Annotated[int, Field(ge=0)]
    currency: Currency


class Alerted(Reply):
    """The alert is recorded; `new` is whether this call recorded it."""

    new: bool
