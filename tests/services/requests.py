"""Builders of requests for the tests of the services."""

from models.activities.inventory import ReleaseInventory, ReserveInventory, SettleStock
from models.activities.orders import CompleteOrder
from models.activities.payments import ChargePayment, RefundPayment, SettlePayment
from models.activities.shipping import CancelShipment, CreateShipment, SettleShipment
from models.money import Money
from models.names import key
from models.order import Address, Line, Order, Payment


def lines(**quantities: int) -> tuple[Line, ...]:
    return tuple(Line(sku=name.replace("_", "-"), quantity=count) for name, count in quantities.items())


def address(postcode: str = "69001") -> Address:
    return Address(name="A. Customer", street="1 Main St", city="Lyon", postcode=postcode, country="FR")


def order(order_id: str = "o-1", *, total: int | None = None, **quantities: int) -> Order:
    return Order(
        order_id=order_id,
        customer_id="c-7",
        currency="EUR",
        lines=lines(**quantities or {"SKU_1": 2}),
        payment=Payment(method="card", token="tok_ok"),
        ship_to=address(),
        total=total,
    )


def reserve(order_id: str = "o-1", **quantities: int) -> ReserveInventory:
    wanted = lines(**quantities or {"SKU_1": 2})
    return ReserveInventory(key=key(order_id, "reserve"), order_id=order_id, lines=wanted)


def release(order_id: str = "o-1") -> ReleaseInventory:
    return ReleaseInventory(key=key(order_id, "reserve"), order_id=order_id)


def charge(order_id: str = "o-1", token: str = "tok_ok", amount: int = 2980) -> ChargePayment:
    money = Money(amount=amount, currency="EUR")
    return ChargePayment(key=key(order_id, "charge"), order_id=order_id, amount=money, token=token)


def refund(order_id: str = "o-1") -> RefundPayment:
    return RefundPayment(key=key(order_id, "charge"), order_id=order_id)


def create(order_id: str = "o-1", postcode: str = "69001") -> CreateShipment:
    return CreateShipment(key=key(order_id, "ship"), order_id=order_id, lines=lines(SKU_1=2), ship_to=address(postcode))


def cancel(order_id: str = "o-1") -> CancelShipment:
    return CancelShipment(key=key(order_id, "ship"), order_id=order_id)


def settle_stock(order_id: str = "o-1") -> SettleStock:
    return SettleStock(key=key(order_id, "reserve"), order_id=order_id)


def settle_payment(order_id: str = "o-1") -> SettlePayment:
    return SettlePayment(key=key(order_id, "charge"), order_id=order_id)


def settle_shipment(order_id: str = "o-1") -> SettleShipment:
    return SettleShipment(key=key(order_id, "ship"), order_id=order_id)


def complete(order_id: str = "o-1", outcome: str = "completed", reason: str = "") -> CompleteOrder:
    return CompleteOrder.model_validate(
        {
            "key": key(order_id, "complete"),
            "order_id": order_id,
            "outcome": outcome,
            "body_hash": order(order_id).body_hash(),
            "reason": reason,
        }
    )
