"""What Apache Atlas' type definitions say of an entity: which attributes it may and must have, and which relationships."""

import json
from pathlib import Path

SAMPLES = Path(__file__).parents[1] / "samples" / "atlas"

# The base model, which the RDBMS model stands on: Referenceable, Asset and DataSet.
BASE = {"qualifiedName": ("string", False), "name": ("string", False), "description": ("string", True), "owner": ("string", True)}
JSON_TYPES = {"string": str, "int": int, "boolean": bool, "date": int}


class Types:
    def __init__(self):
        model = json.loads((SAMPLES / "2010-rdbms_model.json").read_text())
        self.attributes = {}
        for definition in model["entityDefs"]:
            assert definition["superTypes"] == ["DataSet"]
            own = {item["name"]: (item["typeName"], item["isOptional"]) for item in definition.get("attributeDefs", ())}
            self.attributes[definition["name"]] = BASE | own
        self.relationships = {name: {} for name in self.attributes}
        for definition in model["relationshipDefs"]:
            first, second = definition["endDef1"], definition["endDef2"]
            self.relationships[first["type"]][first["name"]] = (second["type"], first["cardinality"])
            self.relationships[second["type"]][second["name"]] = (first["type"], second["cardinality"])

    def faults(self, entity, known):
        """Yield what Atlas would refuse of an entity; ``known`` are the types of all entities of the request by guid."""
        type_name = entity["typeName"]
        allowed = self.attributes[type_name]
        given = entity["attributes"]
        yield from (f"{type_name} has no attribute {name}" for name in given.keys() - allowed.keys())
        yield from (f"{type_name} needs {name}" for name, (_, optional) in allowed.items() if not optional and not given.get(name))
        for name in given.keys() & allowed.keys():
            expected = JSON_TYPES[allowed[name][0]]
            if type(given[name]) is not expected or (expected is int and not -(2**31) <= given[name] < 2**31):
                yield f"{type_name}.{name} is no {allowed[name][0]}: {given[name]!r}"
        for name, value in entity["relationshipAttributes"].items():
            if name not in self.relationships[type_name]:
                yield f"{type_name} has no relationship {name}"
                continue
            other, cardinality = self.relationships[type_name][name]
            if isinstance(value, list) != (cardinality == "SET"):
                yield f"{type_name}.{name} is a {cardinality}"
            for reference in value if isinstance(value, list) else [value]:
                if reference["typeName"] != other or known.get(reference["guid"]) != other:
                    yield f"{type_name}.{name} refers to what is not there: {reference}"
