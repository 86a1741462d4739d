// Draws the graphs of a page, each from the JSON beside it, from left to right. The list on the page says the same.
"use strict";

(() => {
  const MAX_NODES = 400;
  const MAX_LABEL = 190;
  const MAX_LABELLED = 40;
  const MIN_READABLE = 0.55;
  const SHAPES = { dataset: "cut-rectangle", product: "round-rectangle", more: "ellipse" };
  const drawn = new Map();
  const ruler = document.createElement("canvas").getContext("2d");
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
  const isDark = matchMedia("(prefers-color-scheme: dark)");

  if (window.cytoscape && window.cytoscapeDagre && !window.cytoscape("layout", "dagre")) window.cytoscape.use(window.cytoscapeDagre);

  // Cytoscape would add a style element, which the pages' policy refuses; the rule stands in factbook.css.
  function keepOutStyles() {
    const id = "__________cytoscape_stylesheet";
    if (document.getElementById(id)) return;
    document.head.append(Object.assign(document.createElement("meta"), { id }));
  }

  function widthOf(text, font) {
    ruler.font = font;
    return Math.ceil(ruler.measureText(text).width);
  }

  function fitted(text, font) {
    if (widthOf(text, font) <= MAX_LABEL) return text;
    // The middle goes: what names differ in stands at either end.
    const signs = [...text];
    const cut = (kept) => `${signs.slice(0, Math.floor(kept / 3)).join("")}…${signs.slice(signs.length - Math.ceil((kept * 2) / 3)).join("")}`;
    let low = 1;
    let high = signs.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (widthOf(cut(middle), font) <= MAX_LABEL) low = middle;
      else high = middle - 1;
    }
    return cut(low);
  }

  function elements(data, font) {
    const nodes = data.nodes.slice(0, MAX_NODES);
    const known = new Set(nodes.map((node) => node.id));
    const edges = data.edges.filter((edge) => known.has(edge.from) && known.has(edge.to));
    return [
      ...nodes.map((node) => {
        const text = fitted(node.label, font);
        const width = Math.max(node.kind === "more" ? 34 : 56, widthOf(text, `bold ${font}`) + 22);
        const kind = node.kind.includes("view") ? "view" : node.kind;
        const shape = SHAPES[node.kind] ?? "rectangle";
        return { data: { ...node, text, width, shape }, classes: node.id === data.focus ? `${kind} focus` : kind };
      }),
      ...edges.map((edge, place) => ({
        data: { id: `\u0000${place}`, source: edge.from, target: edge.to, text: edges.length > MAX_LABELLED ? "" : fitted(edge.label ?? "", font), note: edge.label },
        classes: edge.kind === "stale" || edge.kind === "more" ? edge.kind : "",
      })),
    ];
  }

  function look(container) {
    const style = getComputedStyle(container);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    return [
      {
        selector: "node", style: {
          shape: "data(shape)", width: "data(width)", height: 30, label: "data(text)", "text-valign": "center", "text-halign": "center",
          "font-family": style.fontFamily, "font-size": 13, color: colour("ink"),
          "background-color": colour("card"), "border-width": 1.2, "border-color": colour("edge"),
        },
      },
      { selector: "node.view, node.gone", style: { "border-style": "dashed" } },
      { selector: "node.product", style: { "border-style": "double", "border-width": 4 } },
      { selector: "node.column", style: { "border-width": 0.8, height: 26, "background-color": colour("paper") } },
      { selector: "node.more", style: { height: 24, "border-style": "dotted", color: colour("accent"), "border-color": colour("accent") } },
      { selector: "node.focus", style: { "border-width": 2.5, "border-color": colour("accent"), "background-color": colour("tint"), "font-weight": "bold" } },
      { selector: "node.touched", style: { "border-width": 2.5, "border-color": colour("accent") } },
      {
        selector: "edge", style: {
          width: 1.3, "line-color": colour("edge"), "target-arrow-color": colour("edge"), "target-arrow-shape": "triangle", "arrow-scale": 0.9,
          "curve-style": "bezier", label: "data(text)", "font-size": 11, "font-family": style.fontFamily, color: colour("soft"),
          "text-background-color": colour("card"), "text-background-opacity": 1, "text-background-padding": 2,
          "loop-direction": "0deg", "loop-sweep": "50deg",
        },
      },
      { selector: "edge.ahead", style: { "source-endpoint": "50% 0%", "target-endpoint": "-50% 0%" } },
      { selector: "edge.far", style: { "curve-style": "unbundled-bezier", "control-point-distances": 40, "control-point-weights": 0.5, label: "" } },
      { selector: "edge.back", style: { "curve-style": "unbundled-bezier", "control-point-distances": 55, "control-point-weights": 0.5 } },
      { selector: "edge.stale", style: { "line-style": "dashed" } },
      { selector: "edge.more", style: { "line-style": "dotted", "target-arrow-shape": "none" } },
      { selector: "edge.touched", style: { width: 2.4, "line-color": colour("accent"), "target-arrow-color": colour("accent") } },
    ];
  }

  function button(label, text, act) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, title: label });
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  }

  // Ranks with one left edge, fans in the order of the list, and edges that leave to the right and arrive from the left.
  function tidy(cy) {
    const ranks = new Map();
    cy.nodes().forEach((node) => {
      const rank = Math.round(node.position("x"));
      ranks.set(rank, [...(ranks.get(rank) ?? []), node]);
    });
    for (const rank of ranks.values()) {
      const left = Math.min(...rank.map((node) => node.position("x") - node.width() / 2));
      const fans = new Map();
      for (const node of rank) {
        const beside = node.openNeighborhood("node").map((other) => other.id()).sort().join(" ");
        fans.set(beside, [...(fans.get(beside) ?? []), node]);
        node.position("x", left + node.width() / 2);
      }
      for (const fan of fans.values()) {
        const heights = fan.map((node) => node.position("y")).sort((one, other) => one - other);
        fan.forEach((node, place) => node.position("y", heights[place]));
      }
    }
    const columns = [...ranks.keys()].sort((one, other) => one - other);
    const ranked = new Map();
    columns.forEach((column, place) => ranks.get(column).forEach((node) => ranked.set(node.id(), place)));
    cy.edges().forEach((edge) => {
      const steps = ranked.get(edge.target().id()) - ranked.get(edge.source().id());
      if (steps > 0) edge.addClass("ahead");
      if (steps > 1) edge.addClass("far");
      if (steps < 0) edge.addClass("back");
    });
  }

  // All of it, if that can be read; else the node in focus, from which one moves on.
  function place(cy) {
    cy.fit(undefined, 24);
    if (cy.zoom() > 1.15) cy.zoom({ level: 1.15, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
    if (cy.zoom() >= MIN_READABLE) return cy.center();
    const focus = cy.nodes(".focus");
    cy.zoom(0.85);
    cy.center(focus.length ? focus : cy.nodes().first());
    const aside = cy.width() / 2 - focus.renderedWidth() / 2 - 30;
    if (focus.length && !focus.incomers().length) cy.panBy({ x: -aside, y: 0 });
    else if (focus.length && !focus.outgoers().length) cy.panBy({ x: aside, y: 0 });
  }

  function follow(href) {
    if (!href || !href.startsWith("/")) return;
    const same = [...document.querySelectorAll("main a[hx-boost]")].find((link) => link.getAttribute("href") === href);
    if (same) same.click();
    else window.location.assign(href);
  }

  function draw(canvas) {
    const text = canvas.parentElement.querySelector('script[type="application/json"]')?.textContent;
    if (!text || !window.cytoscape || (drawn.get(canvas)?.text === text && canvas.querySelector("canvas"))) return;
    keepOutStyles();
    forget(canvas);
    canvas.replaceChildren();
    canvas.parentElement.querySelector(".tools")?.remove();
    canvas.style.height = "";
    const font = `13px ${getComputedStyle(canvas).fontFamily}`;
    const parts = elements(JSON.parse(text), font);
    const widest = Math.max(10, ...parts.map((part) => (part.data.source && part.data.text ? widthOf(part.data.text, font) : 0)));
    const cy = window.cytoscape({
      container: canvas, elements: parts, style: look(canvas),
      minZoom: 0.05, maxZoom: 3, userZoomingEnabled: false, autoungrabify: true, boxSelectionEnabled: false, autounselectify: true,
      layout: { name: "dagre", rankDir: "LR", nodeSep: 14, rankSep: 50 + widest, edgeSep: 8, animate: false, fit: false },
    });
    tidy(cy);
    // No taller than what is drawn.
    const tall = cy.elements().boundingBox().h + 60;
    canvas.style.height = `${Math.max(200, Math.min(tall, canvas.clientHeight))}px`;
    cy.resize();
    place(cy);
    const zoom = (factor) => () => cy.animate(
      { zoom: { level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } } },
      { duration: isCalm.matches ? 0 : 150 },
    );
    const tools = Object.assign(document.createElement("div"), { className: "tools" });
    tools.append(button("Zoom in", "+", zoom(1.3)), button("Zoom out", "−", zoom(1 / 1.3)));
    tools.append(button("Fit all of it", "Fit", () => cy.fit(undefined, 24)), button("Back to where it begins", "Start", () => place(cy)));
    canvas.after(tools);
    drawn.set(canvas, { cy, text, touch: listen(canvas, cy) });
  }

  // Names what is touched, and marks it with what is beside it; returns what does that for a node of the list.
  function listen(canvas, cy) {
    const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
    canvas.append(tip);
    const leave = () => {
      cy.elements(".touched").removeClass("touched");
      canvas.classList.remove("leads");
      tip.hidden = true;
    };
    const touch = (element) => {
      leave();
      (element.isNode() ? element.closedNeighborhood() : element).addClass("touched");
      tip.textContent = element.data("note") || element.data("label") || "";
      tip.hidden = !tip.textContent;
      const at = element.isNode() ? element.renderedPosition() : element.renderedMidpoint();
      tip.style.left = `${Math.max(4, Math.min(at.x, canvas.clientWidth - tip.offsetWidth - 4))}px`;
      tip.style.top = `${Math.max(4, Math.min(at.y + 18 * cy.zoom(), canvas.clientHeight - tip.offsetHeight - 4))}px`;
    };
    cy.on("mouseover", "node, edge", (event) => {
      touch(event.target);
      canvas.classList.toggle("leads", Boolean(event.target.data("href")));
    });
    cy.on("mouseout", "node, edge", leave);
    cy.on("viewport", leave);
    cy.on("tap", "node", (event) => follow(event.target.data("href")));
    return touch;
  }

  // With the key pressed the wheel zooms; without it the page scrolls.
  function wheel(event) {
    const canvas = event.target.closest?.("[data-draw=graph]");
    const cy = drawn.get(canvas)?.cy;
    if (!cy || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    cy.zoom({ level: cy.zoom() * Math.exp(-event.deltaY / 400), renderedPosition: { x: event.clientX - box.left, y: event.clientY - box.top } });
  }

  function showListed(event) {
    const key = event.target.closest?.("[data-node]")?.dataset.node;
    if (key === undefined) return;
    for (const { cy, touch } of drawn.values()) if (cy.getElementById(key).length) touch(cy.getElementById(key));
  }

  function forget(canvas) {
    drawn.get(canvas)?.cy.destroy();
    drawn.delete(canvas);
  }

  function drawAll() {
    for (const canvas of [...drawn.keys()]) if (!canvas.isConnected) forget(canvas);
    for (const canvas of document.querySelectorAll("[data-draw=graph]")) draw(canvas);
  }

  isDark.addEventListener("change", () => {
    for (const [canvas, { cy }] of drawn) cy.style(look(canvas));
  });
  document.addEventListener("wheel", wheel, { passive: false });
  document.addEventListener("focusin", showListed);
  document.addEventListener("mouseover", showListed);
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:after:swap", drawAll);
})();
