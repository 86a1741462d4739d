"""A rules file and a contract with something of everything."""

RULES = """\
version: 1
source: shop
description: What orders must be.
tables:
  - table: main.orders
    description: Orders.
    checks:
      - not_null: [id, email]
      - not_null: {column: note, allowed_share: 5%}
        id: few-nulls
        severity: warning
        where: status = 'open'
        tags: [contact, nightly]
        owner: sales
        description: Most notes are there.
      - unique: [id, line]
      - accepted_values: {column: status, values: [paid, open, 3, true]}
      - rejected_values: {column: status, values: [lost], allowed_rows: 3}
      - range: {column: amount, min: 0, below: 10.5}
      - range: {column: placed, above: 2026-01-01T00:00:00Z, max: today + 1d}
      - regex: {column: email, pattern: '@'}
      - length: {column: code, min: 2, max: 2}
      - freshness: {column: changed, max_age: 90min}
      - row_count: {min: 1, max: 100}
      - row_count: {change: 20%}
      - foreign_key: {columns: [customer], table: customers, their_columns: [id]}
      - sql: {query: 'SELECT count(*) FROM orders', above: 0}
      - column_exists: email
      - column_type: {column: email, type: varchar*}
    promises: default
  - table: main.*
    source: "*"
    promises: {completeness: {min: 0.5, columns: [id]}, freshness: {column: changed, max_age: 1h}}
checks:
  - sql: SELECT 1 WHERE 1 = 0
"""

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders-contract
version: 1.0.0
status: active
servers:
  - {server: prod, type: postgresql, schema: sales}
schema:
  - name: orders
    physicalName: orders
    quality:
      - {id: rows, metric: rowCount, mustBeGreaterThan: 10}
      - {id: free, type: text, description: Orders are complete.}
      - {id: soda, type: custom, engine: soda, implementation: 'type: duplicate_percent'}
      - {id: two, metric: rowCount, mustBe: 1, mustNotBe: 2}
    properties:
      - name: email
        quality:
          - {id: nulls, metric: nullValues, mustBeLessThan: 5, unit: percent, dimension: coverage}
          - {id: odd unit, metric: nullValues, mustBe: 5, unit: gallons}
          - {id: codes, metric: invalidValues, mustBe: 0, dimension: conformity, arguments: {pattern: '@'}}
          - {id: old, rule: uniqueCheck, severity: warning}
      - name: address
        logicalType: object
        properties:
          - name: city
            quality:
              - {id: nested, metric: nullValues, mustBe: 0}
slaProperties:
  - {property: latency, value: 4, unit: d, element: orders.placed}
  - {property: retention, value: 3, unit: y, element: orders.placed}
  - {property: latency, value: 4, unit: d, element: nowhere.at}
"""
