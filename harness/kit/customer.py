"""A customer of a product: signed up at the product, owning devices of it, and seeing nothing else."""

from __future__ import annotations

from harness.cloud import Account, Cloud
from harness.hiding import hides

__tracebackhide__ = hides


class Customer:
    """A customer who is logged in. `account` is the session: claim codes, devices and calls are those of any account."""

    def __init__(self, account: Account, product_id: int, email: str) -> None:
        self.account = account
        self.product_id = product_id
        self.email = email

    @classmethod
    def sign_up(cls, cloud: Cloud, product_id: int, email: str, password: str, client: tuple[str, str]) -> Customer:
        """Sign somebody up as a customer of a product.

        Args:
            cloud: where.
            product_id: the product.
            email: of the customer, who need not have confirmed it.
            password: at least as long as the product's rules ask for.
            client: id and secret of an OAuth client of the product.

        Raises:
            CloudRefused: the client is none of the product's, or there is such a customer.
            ChangesNotAllowed: the cloud is a real one, and changes were not allowed.
        """
        form = {
            "email": email,
            "password": password,
            "client_id": client[0],
            "client_secret": client[1],
            "grant_type": "client_credentials",
        }
        answer = cloud.request("POST", f"/v1/products/{product_id}/customers", form=form, what=f"sign up {email} at product {product_id}")
        return cls(Account(cloud, str(answer["access_token"]), email), product_id, email)

    def claim_code(self) -> str:
        """A claim code of this customer's, for a board of the product to bring along."""
        answer = self.account.change("POST", f"/v1/products/{self.product_id}/device_claims", json={}, what="make a claim code")
        return str(answer["claim_code"])

    def __str__(self) -> str:
        return f"customer {self.email} of product {self.product_id}"
