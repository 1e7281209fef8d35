"""The columns of each FOCUS version, and where in a row their values are. All columns of a version are there, so that
programs know it by its header; what a spot market has no use for (commitments, allocation) is empty.

Sources: FOCUS 1.2 and 1.4, "Cost and Usage".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter

from anyascii import anyascii

from billing.exports.focus.charges import CostRow

_NOTHING = "="
"""An empty value; what follows the sign is a fixed one."""

_BOTH = {
    "BilledCost": "billed",
    "BillingAccountId": "account.billing_account_id",
    "BillingAccountName": "account.billing_account_name",
    "BillingAccountType": "=Participant",
    "BillingCurrency": "account.currency",
    "BillingPeriodStart": "account.period_start",
    "BillingPeriodEnd": "account.period_end",
    "CapacityReservationId": _NOTHING,
    "CapacityReservationStatus": _NOTHING,
    "ChargeCategory": "category",
    "ChargeClass": "charge_class",
    "ChargeDescription": "description",
    "ChargeFrequency": "=Usage-Based",
    "ChargePeriodStart": "start",
    "ChargePeriodEnd": "end",
    "CommitmentDiscountCategory": _NOTHING,
    "CommitmentDiscountId": _NOTHING,
    "CommitmentDiscountName": _NOTHING,
    "CommitmentDiscountQuantity": _NOTHING,
    "CommitmentDiscountStatus": _NOTHING,
    "CommitmentDiscountType": _NOTHING,
    "CommitmentDiscountUnit": _NOTHING,
    "ConsumedQuantity": "consumed",
    "ConsumedUnit": "consumed_unit",
    "ContractedCost": "listed",
    "ContractedUnitPrice": "unit_price",
    "EffectiveCost": "billed",
    "InvoiceId": "account.invoice_id",
    "InvoiceIssuerName": "account.service_provider",
    "ListCost": "listed",
    "ListUnitPrice": "unit_price",
    "PricingCategory": "pricing_category",
    "PricingCurrency": "account.currency",
    "PricingCurrencyContractedUnitPrice": "unit_price",
    "PricingCurrencyEffectiveCost": "billed",
    "PricingCurrencyListUnitPrice": "unit_price",
    "PricingQuantity": "quantity",
    "PricingUnit": "unit",
    "AvailabilityZone": "zone",
    "RegionId": "zone",
    "RegionName": "zone",
    "ResourceId": "resource",
    "ResourceName": "resource",
    "ResourceType": "resource_type",
    "ServiceCategory": "service.category",
    "ServiceName": "service.name",
    "ServiceSubcategory": "service.subcategory",
    "SkuId": "sku",
    "SkuMeter": "sku_meter",
    "SkuPriceDetails": _NOTHING,
    "SkuPriceId": "sku_price",
    "SubAccountId": "account.sub_account_id",
    "SubAccountName": "account.sub_account_name",
    "SubAccountType": "account.sub_account_type",
    "Tags": "tags",
}

FOCUS_1_2 = _BOTH | {
    "ProviderName": "account.service_provider",
    "PublisherName": "account.service_provider",
}
FOCUS_1_4 = _BOTH | {
    "AllocatedMethodDetails": _NOTHING,
    "AllocatedMethodId": _NOTHING,
    "AllocatedResourceId": _NOTHING,
    "AllocatedResourceName": _NOTHING,
    "AllocatedTags": _NOTHING,
    "CommitmentProgramEligibilityDetails": _NOTHING,
    "ContractApplied": _NOTHING,
    "HostProviderName": "account.host_provider",
    "ServiceProviderName": "account.service_provider",
    "InvoiceDetailId": "detail_id",
}
DECIMALS = frozenset(
    {
        "BilledCost",
        "CommitmentDiscountQuantity",
        "ConsumedQuantity",
        "ContractedCost",
        "ContractedUnitPrice",
        "EffectiveCost",
        "ListCost",
        "ListUnitPrice",
        "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyEffectiveCost",
        "PricingCurrencyListUnitPrice",
        "PricingQuantity",
    }
)
INSTANTS = frozenset(
    {
        "BillingPeriodCreated",
        "BillingPeriodEnd",
        "BillingPeriodLastUpdated",
        "BillingPeriodStart",
        "ChargePeriodEnd",
        "ChargePeriodStart",
        "InvoiceDetailCreated",
        "InvoiceDetailLastUpdated",
        "InvoiceIssueDate",
    }
)


def values(columns: dict[str, str], rows: Iterable[CostRow]) -> Iterator[tuple[str, ...]]:
    """The rows' values for these columns, in their order."""
    fixed = {index: source[1:] for index, source in enumerate(columns.values()) if source.startswith(_NOTHING)}
    taken: Callable[[CostRow], tuple[str, ...]] = attrgetter(
        *("category" if index in fixed else source for index, source in enumerate(columns.values()))
    )
    for row in rows:
        found = list(taken(row))
        for index, value in fixed.items():
            found[index] = value
        yield tuple(found)


def in_ascii(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The rows as the rules of FOCUS 1.2 want text: names of other alphabets are written in Latin letters."""
    for row in rows:
        yield row if "".join(row).isascii() else tuple(anyascii(value) for value in row)
