// Draws what stands beside [data-draw=chart] as JSON: {kind: "line" | "bars", unit, x, series: [{name, values}], marks: [{series, index, text}]}.
// The page holds the same values as a table, which is what there is without this script. Moments on x stand at their places in time.
"use strict";

const INKS = ["--accent", "--uq", "--pk", "--good", "--bad"];
const amounts = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumSignificantDigits: 3 });
const shares = new Intl.NumberFormat(undefined, { style: "percent", maximumSignificantDigits: 3 });
const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const MOMENT = /^\d{4}-\d\d-\d\dT/;

function inBytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, value >= 1000 ? Math.floor(Math.log10(value) / 3) : 0);
  return `${amounts.format(Number((value / 1000 ** step).toPrecision(3)))} ${units[step]}`;
}

function written(value, unit, format = amounts) {
  if (value === null || value === undefined) return "–";
  if (unit === "share") return shares.format(value);
  return unit === "bytes" ? inBytes(value) : format.format(value);
}

function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function optionOf(data) {
  const isTime = data.x.length > 0 && data.x.every((at) => MOMENT.test(at));
  const marked = new Map(data.marks?.map((mark) => [`${mark.series}:${mark.index}`, mark]));
  const lone = data.x.length < 40;
  const axis = { axisLine: { lineStyle: { color: ink("--edge") } }, axisLabel: { color: ink("--soft"), hideOverlap: true } };
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    textStyle: { fontFamily: "inherit" },
    grid: { left: 12, right: 24, top: 18, bottom: 8, containLabel: true },
    xAxis: isTime ? { ...axis, type: "time", splitLine: { show: false } } : { ...axis, type: "category", data: data.x },
    yAxis: {
      type: "value",
      scale: data.kind === "line",
      axisLabel: { color: ink("--soft"), formatter: (value) => written(value, data.unit, short) },
      splitLine: { lineStyle: { color: ink("--line") } },
      ...(data.unit === "share" ? { min: 0, max: (range) => (range.max > 0.5 ? 1 : null) } : {}),
    },
    series: data.series.map((series, number) => ({
      type: data.kind === "bars" ? "bar" : "line",
      name: series.name,
      color: ink(INKS[number % INKS.length]),
      symbol: lone ? "circle" : "none",
      symbolSize: 5,
      showAllSymbol: true,
      connectNulls: false,
      lineStyle: { width: 2, type: number % 2 ? "dashed" : "solid" },
      data: series.values.map((value, index) => ({
        value: isTime ? [Date.parse(data.x[index]), value] : value,
        ...(marked.has(`${number}:${index}`)
          ? { symbol: "diamond", symbolSize: 13, itemStyle: { color: ink("--bad"), borderColor: ink("--card"), borderWidth: 2 } }
          : {}),
      })),
    })),
  };
}

function nearest(chart, data, event) {
  const [place] = chart.convertFromPixel({ gridIndex: 0 }, [event.offsetX, event.offsetY]) ?? [];
  if (place === undefined) return null;
  const isTime = MOMENT.test(data.x[0]);
  const distances = data.x.map((at, index) => Math.abs((isTime ? Date.parse(at) : index) - place));
  return distances.indexOf(Math.min(...distances));
}

function told(data, index) {
  const at = MOMENT.test(data.x[index]) ? moments.format(new Date(data.x[index])) : data.x[index];
  const values = data.series.map((series) => `${series.name} ${written(series.values[index], data.unit)}`);
  const marks = (data.marks ?? []).filter((mark) => mark.index === index).map((mark) => mark.text);
  return [at, ...values, ...marks].join(" · ");
}

function legend(data) {
  const list = document.createElement("p");
  list.className = "key-of-chart";
  data.series.forEach((series, number) => {
    const item = document.createElement("span");
    item.className = `ink${number % INKS.length}`;
    item.textContent = series.name;
    list.append(item);
  });
  return list;
}

function draw(canvas) {
  const figure = canvas.closest("figure");
  const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  if (!data.x.length) return;
  const chart = echarts.init(canvas, null, { renderer: "canvas" });
  const readout = document.createElement("p");
  readout.className = "readout";
  readout.textContent = told(data, data.x.length - 1);
  figure.append(readout);
  if (data.series.length > 1) figure.append(legend(data));
  const paint = () => chart.setOption(optionOf(data), true);
  paint();
  canvas.addEventListener("pointermove", (event) => {
    const index = nearest(chart, data, event);
    if (index !== null && index >= 0) readout.textContent = told(data, index);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  new ResizeObserver(() => chart.resize()).observe(canvas);
}

document.addEventListener("DOMContentLoaded", () => {
  for (const canvas of document.querySelectorAll("[data-draw=chart]")) draw(canvas);
});
