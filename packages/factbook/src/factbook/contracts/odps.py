"""A data product as a document (ODPS) and as its fact, read from the one into the other, and edits written back. Pure.

A port names a contract and no table: its table is the one that the contract is bound to, or the contract itself where that is not one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, cast, get_args

from factbook.contracts.standards import ODPS
from factbook.contracts.teams import members_of, owner_of, role_of
from factbook_sdk.facts.kinds.data_contract import CONTRACTS
from factbook_sdk.facts.kinds.data_product import DataProduct, Owner, Port
from factbook_sdk.facts.parts import TableRef

Document = dict[str, Any]
Status = Literal["proposed", "draft", "active", "deprecated", "inactive", "retired"]
TableOf = Callable[[str, str | None], TableRef]
"""The table of a port, by its name and the id of its contract."""

NO_DOMAIN = "unassigned"
"""The domain of a product whose document names none."""
PORTS = "data_product_ports"
"""The source id of ports whose table nobody knows."""
_STATUSES: tuple[Status, ...] = get_args(Status)
_ROLES: dict[str, Literal["steward", "producer", "support"]] = {
    "steward": "steward",
    "data steward": "steward",
    "producer": "producer",
    "data producer": "producer",
    "support": "support",
}


def product_of(document: Document, table_of: TableOf) -> DataProduct:
    """Read a document for the product's fact."""
    said = document.get("description")
    status = document["status"].strip().lower()
    return DataProduct(
        name=document.get("name") or document["id"],
        domain=document.get("domain") or NO_DOMAIN,
        status=cast(Status, status) if status in _STATUSES else "active",
        version=document.get("version") or None,
        description=said.get("purpose") if isinstance(said, dict) else None,
        owners=list(_owners(document.get("team"))),
        inputs=[_port(entry, table_of) for entry in document.get("inputPorts") or ()],
        outputs=[_port(entry, table_of) for entry in document.get("outputPorts") or ()],
        tags=[tag for tag in document.get("tags") or () if tag],
        document=document,
    )


def written(product: DataProduct) -> Document:
    """Return the product as ODPS: the document it came with and what was edited here, or a draft where it came with none."""
    if not product.document:
        return _draft(product)
    document = copy.deepcopy(product.document)
    original = product_of(product.document, lambda name, contract: TableRef(PORTS, name))
    for field in ("name", "domain", "status", "version"):
        if getattr(product, field) != getattr(original, field):
            _set(document, field, getattr(product, field))
    if product.description != original.description:
        _set(document.setdefault("description", {}), "purpose", product.description)
    if product.tags != original.tags:
        _set(document, "tags", list(product.tags) or None)
    if product.owners != original.owners:
        _set(document, "team", _with_owners(document.get("team"), product.owners))
    for field, key in (("inputs", "inputPorts"), ("outputs", "outputPorts")):
        ports, known = getattr(product, field), getattr(original, field)
        if list(map(_named, ports)) != list(map(_named, known)):
            _set(document, key, _written_ports(key, ports, known, document.get(key) or []) or None)
    return document


def _draft(product: DataProduct) -> Document:
    document: Document = {"apiVersion": ODPS.version, "kind": ODPS.kind, "id": product.name, "name": product.name, "status": product.status}
    _set(document, "version", product.version)
    document["domain"] = product.domain
    if product.description:
        document["description"] = {"purpose": product.description}
    _set(document, "tags", list(product.tags) or None)
    _set(document, "inputPorts", [_port_entry("inputPorts", port) for port in product.inputs] or None)
    _set(document, "outputPorts", [_port_entry("outputPorts", port) for port in product.outputs] or None)
    _set(document, "team", _with_owners(None, product.owners))
    return document


def _port(entry: Document, table_of: TableOf) -> Port:
    contract = entry.get("contractId") or None
    name = entry["name"] or "-"
    return Port(name, table_of(name, contract), contract, entry.get("version") or None, entry.get("description"))


def contract_ref(contract_id: str) -> TableRef:
    """Return what stands for the table of a port whose contract is bound to none, or to several."""
    return TableRef(CONTRACTS, contract_id)


def _named(port: Port) -> tuple[str | None, ...]:
    """Return what a document says of a port; its table is not in it."""
    return port.name, port.version, port.contract_id, port.description


def _written_ports(key: str, ports: Sequence[Port], known: Sequence[Port], entries: Sequence[Document]) -> list[Document]:
    """Return the ports, those that a document had with all that it said of them."""
    there = {(port.name, port.version): entry for port, entry in zip(known, entries, strict=True)}
    found = []
    for port in ports:
        entry = dict(there.get((port.name, port.version)) or {})
        found.append({**entry, **_port_entry(key, port)} if entry else _port_entry(key, port))
    return found


def _port_entry(key: str, port: Port) -> Document:
    """Return a port as the standard wants it: an input needs a contract, and a table without one is named in its place."""
    entry: Document = {"name": port.name, "version": port.version or "1.0.0"}
    shown = ".".join(part for part in (port.table.source_id, port.table.schema, port.table.table) if part)
    contract = port.contract_id or (shown if key == "inputPorts" else None)
    if contract is not None:
        entry["contractId"] = contract
    if key == "outputPorts" and port.description:
        entry["description"] = port.description
    return entry


def _owners(team: Any) -> Iterator[Owner]:
    first = owner_of(team)
    if first is not None:
        yield Owner(first, "owner", _contact(team, first))
    for member in members_of(team):
        role = _ROLES.get(role_of(member))
        if role is not None:
            yield Owner(member.get("name") or member["username"], role, member.get("username") or None)


def _contact(team: Any, name: str) -> str | None:
    found = next((member for member in members_of(team) if name in (member.get("name"), member.get("username"))), None)
    return None if found is None else found.get("username") or None


def _with_owners(team: Any, owners: Sequence[Owner]) -> Any:
    """Return a team with these owners; members with other tasks stay as they are."""
    changed = copy.deepcopy(team) if isinstance(team, dict) else {}
    if not owners and not changed:
        return None
    told = {owner.name for owner in _owners(changed)}
    members = changed.get("members") or []
    kept = [one for one in members if (one.get("name") or one.get("username")) not in told]
    by_name = {one.get("name") or one.get("username"): one for one in members}
    written_owners = []
    for owner in owners:
        known = by_name.get(owner.name)
        if owner.name == changed.get("name") and known is None:
            continue
        base = dict(known or {"username": owner.contact or owner.name, "name": owner.name})
        before = next((one for one in _owners(changed) if one.name == owner.name), None)
        written_owners.append(base if before == owner else base | {"role": owner.role})
    if not any(owner.name == changed.get("name") for owner in owners) and changed.get("name") in told:
        changed.pop("name", None)
    changed["members"] = [*written_owners, *kept]
    return changed


def _set(holder: Document, name: str, value: Any) -> None:
    if value is None:
        holder.pop(name, None)
    else:
        holder[name] = value
