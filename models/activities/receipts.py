"""The question what a participant knows of a process, which its recovery asks; and the answer."""

from typing import Annotated

from pydantic import AfterValidator

from models.activities.base import Reply
from models.base import Message
from models.names import is_process
from models.recovery import EffectReceipt


def _process(text: str) -> str:
    if not is_process(text):
        raise ValueError("is not the id of an order or a slip")
    return text


class FindReceipts(Message):
    """Which steps of this process do you know? `order_id` is as in Request; the question has no step, so no key."""

    order_id: Annotated[str, AfterValidator(_process)]


class Receipts(Reply):
    """The receipts of a process in one service, oldest first."""

    receipts: tuple[EffectReceipt, ...] = ()
