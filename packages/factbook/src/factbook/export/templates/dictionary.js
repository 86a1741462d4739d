"use strict";
// The dictionary's own script: the tree, and the search. It fetches nothing: data comes as scripts that call the functions below, so that
// it works from a disk. Every word is set as text, never as markup.
(function () {
  const root = document.body.dataset.root;
  const here = document.body.dataset.here;
  const MOST_HITS = 60;
  const MOST_COLUMNS = 4;
  const SPLIT = 200;
  const tables = [];
  let sources = [];
  let shards = 0;
  let loaded = 0;
  let asked = false;

  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const fold = (text) => text.normalize("NFC").toLowerCase();
  const hrefOf = (path) => root + path.split("/").map(encodeURIComponent).join("/");
  const numbered = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

  // {sources: [[name, folder, [[schema, folder, [[table, file, type, columns, description], …]], …]], …], shards}
  window.factbookTables = (index) => {
    sources = index.sources;
    shards = index.shards;
    for (const [source, sourceFolder, schemas] of sources) {
      for (const [schema, folder, rows] of schemas) {
        for (const [name, file, type, columns, description] of rows) {
          const head = `${source} ${schema} ${description}`;
          tables.push({ name, place: `${source}.${schema}`, type: type || "table", columns, description, line: "", folded: "",
            path: `${sourceFolder}/${folder}/${file || name}.html`, foldedName: fold(name), foldedHead: fold(head) });
        }
      }
    }
    growTree();
    document.querySelector(".finder").hidden = false;
    if (location.hash.startsWith("#q=")) { input.value = decodeURIComponent(location.hash.slice(3)); ask(); }
  };

  // The columns of tables from number `first` on, one line each.
  window.factbookColumns = (first, text) => {
    text.split("\n").forEach((line, offset) => {
      tables[first + offset].line = line;
      tables[first + offset].folded = fold(line);
    });
    loaded += 1;
    if (!found.hidden) show();
  };

  function growTree() {
    const tree = document.getElementById("tree");
    const box = document.getElementById("tree-box");
    const wide = window.matchMedia("(min-width: 60.01rem)");
    box.open = wide.matches;
    wide.addEventListener("change", () => { box.open = wide.matches; });
    for (const [source, sourceFolder, schemas] of sources) {
      const isHere = here.startsWith(sourceFolder + "/");
      tree.append(branch(source, schemas.length, isHere || sources.length === 1, () => schemas.map(([schema, folder, rows]) => {
        const path = `${sourceFolder}/${folder}/`;
        return branch(schema, rows.length, here.startsWith(path) || schemas.length === 1, () => leaves(path, rows));
      })));
    }
    const current = tree.querySelector("[aria-current]");
    if (current && wide.matches) current.scrollIntoView({ block: "center" });
  }

  // A branch that is grown when it is opened.
  function branch(label, number, open, grow) {
    const list = make("ul");
    const details = make("details", {}, make("summary", {}, make("bdi", {}, label), " ", make("small", {}, number.toLocaleString("en"))), list);
    let grown = false;
    const fill = () => {
      if (grown) return;
      grown = true;
      list.append(...grow().map((child) => child.tagName === "LI" ? child : make("li", {}, child)));
    };
    details.addEventListener("toggle", () => { if (details.open) fill(); });
    if (open) { fill(); details.open = true; }
    return details;
  }

  function leaves(path, rows) {
    const leaf = ([name, file]) => {
      const target = `${path}${file || name}.html`;
      const link = make("a", { href: hrefOf(target) }, make("bdi", {}, name));
      if (target === here) link.setAttribute("aria-current", "page");
      return make("li", {}, link);
    };
    if (rows.length <= SPLIT) return rows.map(leaf);
    const groups = [];
    for (let start = 0; start < rows.length; start += SPLIT) {
      const part = rows.slice(start, start + SPLIT);
      const isHere = part.some(([name, file]) => `${path}${file || name}.html` === here);
      groups.push(branch(`${part[0][0]} … ${part[part.length - 1][0]}`, part.length, isHere, () => part.map(leaf)));
    }
    return groups;
  }

  const input = document.getElementById("search");
  const found = document.getElementById("found");
  const hits = document.getElementById("hits");
  const count = document.getElementById("count");

  function loadColumns() {
    if (asked) return;
    asked = true;
    for (let number = 0; number < shards; number += 1) {
      document.head.append(make("script", { src: `${root}assets/columns-${number}.js` }));
    }
  }

  // The better, the lower; -1 for no hit. Every word must occur in the table's name, description or columns.
  function rank(table, words) {
    let best = 9;
    for (const word of words) {
      const at = table.foldedName.indexOf(word);
      if (at >= 0) best = Math.min(best, table.foldedName === word ? 0 : at === 0 ? 1 : 2);
      else if (columnNamed(table.folded, word)) best = Math.min(best, 3);
      else if (table.foldedHead.includes(word)) best = Math.min(best, 4);
      else if (table.folded.includes(word)) best = Math.min(best, 5);
      else return -1;
    }
    return best;
  }

  const columnNamed = (folded, word) => folded.startsWith(word) || folded.includes("\t" + word);

  function search(text) {
    const words = fold(text).split(/\s+/).filter(Boolean);
    const ranked = [];
    if (words.length) tables.forEach((table, number) => {
      const place = rank(table, words);
      if (place >= 0) ranked.push([place, number]);
    });
    ranked.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
    return { words, ranked };
  }

  function marked(text, words) {
    const folded = fold(text);
    const element = make("span");
    let best = -1;
    let length = 0;
    for (const word of words) {
      const at = folded.indexOf(word);
      if (at >= 0 && (best < 0 || at < best)) { best = at; length = word.length; }
    }
    if (best < 0 || folded.length !== text.length) { element.append(text); return element; }
    element.append(text.slice(0, best), make("mark", {}, text.slice(best, best + length)), text.slice(best + length));
    return element;
  }

  function hit(table, words) {
    const link = make("a", { href: hrefOf(table.path) }, make("code", {}, marked(table.name, words)), " ",
      make("span", { class: "where" }, table.place), table.type === "table" ? "" : make("small", {}, ` ${table.type}`));
    if (table.description) link.append(make("span", { class: "in" }, marked(table.description, words)));
    const item = make("li", {}, link);
    let shown = 0;
    table.line.split("\t").some((column, number) => {
      const folded = fold(column);
      if (!words.some((word) => folded.includes(word))) return false;
      const [name, description] = column.split("\r");
      const line = make("a", { href: `${hrefOf(table.path)}#c${number + 1}`, class: "in" }, make("code", {}, marked(name, words)));
      if (description) line.append(" ", marked(description, words));
      item.append(line);
      shown += 1;
      return shown === MOST_COLUMNS;
    });
    return item;
  }

  function show() {
    const { words, ranked } = search(input.value);
    found.hidden = !words.length;
    if (!words.length) return;
    const waiting = loaded < shards ? ", columns still loading" : "";
    const more = ranked.length > MOST_HITS ? `, the first ${MOST_HITS} shown` : "";
    count.textContent = ranked.length ? numbered(ranked.length, "table") + more + waiting : `Nothing found${waiting}`;
    hits.replaceChildren(...ranked.slice(0, MOST_HITS).map(([, number]) => hit(tables[number], words)));
  }

  function ask() { loadColumns(); show(); }

  function step(by) {
    const links = [input, ...hits.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const next = links[Math.min(Math.max(at + by, 0), links.length - 1)];
    next.focus();
  }

  input.addEventListener("focus", loadColumns);
  input.addEventListener("input", ask);
  input.addEventListener("focus", () => { if (input.value) show(); });
  document.addEventListener("keydown", (event) => {
    const inside = event.target.closest && event.target.closest(".finder");
    if (event.key === "/" && !inside && !event.ctrlKey && !event.metaKey) { event.preventDefault(); input.focus(); input.select(); }
    else if (event.key === "Escape" && !found.hidden) { found.hidden = true; input.focus(); }
    else if (inside && event.key === "ArrowDown") { event.preventDefault(); step(1); }
    else if (inside && event.key === "ArrowUp") { event.preventDefault(); step(-1); }
    else if (event.target === input && event.key === "Enter") {
      const first = hits.querySelector("a");
      if (first && !found.hidden) first.click();
    }
  });
  document.addEventListener("click", (event) => { if (!event.target.closest(".finder")) found.hidden = true; });
})();
