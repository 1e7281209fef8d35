"""The reseller: keeps the idle slices of a provider's node on the market, for as long as that pays."""
