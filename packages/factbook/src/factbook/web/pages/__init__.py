"""The pages, one module each."""

from factbook.web.pages import (
    alerts,
    contract,
    contracts,
    diff,
    domains,
    home,
    jobs,
    product,
    products,
    quality,
    records,
    registering,
    search,
    source,
    table,
    tokens,
)

_MODULES = (home, search, registering, source, diff, alerts, jobs, quality, records, tokens, products, domains, contracts)
ROUTERS = (*(module.router for module in _MODULES), *table.ROUTERS, *product.ROUTERS, *contract.ROUTERS)
