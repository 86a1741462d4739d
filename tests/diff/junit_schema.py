"""The common JUnit schema (https://github.com/windyroad/JUnit-Schema), as far as it decides what a reader accepts."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_TOKEN = {"name", "hostname", "timestamp", "classname"}
REQUIRED = {
    "testsuite": {"id", "package", "name", "timestamp", "hostname", "tests", "failures", "errors", "time"},
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    "failure": {"type"},
    "error": {"type"},
}
OPTIONAL = {"failure": {"message"}, "error": {"message"}}
CHILDREN = {
    "testsuites": r"(testsuite )*",
    "testsuite": r"properties (testcase )*system-out system-err ",
    "properties": r"(property )*",
    "testcase": r"((error|failure) )?",
}


def read(text: str) -> Element:
    """Parse a report and return its only suite; fails where it breaks a rule of the schema."""
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        _check(element)
    (suite,) = root
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
    cases = suite.findall("testcase")
    for tag, attribute in (("failure", "failures"), ("error", "errors")):
        assert int(suite.attrib[attribute]) == sum(case.find(tag) is not None for case in cases)
    assert int(suite.attrib["tests"]) == len(cases)
    return suite


def _check(element: Element) -> None:
    required, given = REQUIRED.get(element.tag, set()), set(element.attrib)
    assert required <= given <= required | OPTIONAL.get(element.tag, set()), (element.tag, given)
    children = "".join(f"{child.tag} " for child in element)
    assert re.fullmatch(CHILDREN.get(element.tag, ""), children), (element.tag, children)
    for name in _TOKEN & given:
        assert element.attrib[name], name
