"""The shipped suite for exporters, bound to those that people look at."""

from typing import ClassVar

from factbook.export.dbml import DbmlExporter
from factbook.export.html import HtmlExporter
from factbook.export.markdown import MarkdownExporter
from factbook.export.testing import ExporterContract


class TestMarkdown(ExporterContract):
    exporter = MarkdownExporter


class TestSingleMarkdown(ExporterContract):
    exporter = MarkdownExporter
    options: ClassVar[dict[str, str]] = {"single": "true"}


class TestHtml(ExporterContract):
    exporter = HtmlExporter


class TestDbml(ExporterContract):
    exporter = DbmlExporter
