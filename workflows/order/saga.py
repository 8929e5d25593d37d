"""The order saga: the order of its steps."""

from temporal_saga import Saga
from workflows.order.inventory import RESERVE
from workflows.order.orders import CLOSE, COMPLETE, VALIDATE
from workflows.order.payments import CHARGE
from workflows.order.shipping import SHIP

ORDER_SAGA = Saga(VALIDATE, RESERVE, CHARGE, SHIP, COMPLETE, close=CLOSE)
