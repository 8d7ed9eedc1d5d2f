"""The newest orders, and one that can't be made: with a client and pydantic types that ariadne-codegen wrote."""

import asyncio
import os
from decimal import Decimal

from erpgraph_client import Client, LineItemInput, OrderCreateInput, PartnerRef, ProductRef
from erpgraph_client.place_order import PlaceOrderOrderCreateUserErrorsInsufficientStockError as Short


def connect(url: str, key: str) -> Client:
    return Client(url, headers={"Authorization": f"Bearer {key}"})


async def main() -> None:
    async with connect(os.environ["ERPGRAPH_URL"], os.environ["ERPGRAPH_KEY"]) as client:
        latest = await client.latest_orders(first=3)
        for order in latest.orders.nodes:
            print(order.number, f"{order.placed_at:%d %B}", order.total.amount, order.total.currency)

        wanted = LineItemInput(product=ProductRef(sku="MUG-10010"), quantity=Decimal(500))
        placed = await client.place_order(
            OrderCreateInput(customer=PartnerRef(code="F10004"), lineItems=[wanted], confirm=True)
        )
        for error in placed.order_create.user_errors:
            short = isinstance(error, Short) and error.requested - error.available
            print(error.code, error.path, f"short of {short}" if short else error.message)


if __name__ == "__main__":
    asyncio.run(main())
