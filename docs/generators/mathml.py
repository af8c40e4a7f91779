"""Formulas as MathML, which browsers draw by themselves: pages need no script and no network."""

from __future__ import annotations

from docutils import nodes
from latex2mathml.converter import convert


def _inline(translator, node) -> None:
    translator.body.append(convert(node.astext(), display="inline"))
    raise nodes.SkipNode


def _block(translator, node) -> None:
    formula = convert(node.astext(), display="block")
    translator.body.append(f'<div class="formula">{formula}</div>')
    raise nodes.SkipNode


def setup(app) -> None:
    """Register MathML as the way HTML shows formulas."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.config.html_math_renderer = "mathml"
