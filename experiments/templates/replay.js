"use strict";
(() => {
  const root = document.documentElement;
  root.dataset.scriptErrors = "";
  window.addEventListener("error", (event) => { root.dataset.scriptErrors += event.message + "\n"; });

  const data = JSON.parse(document.getElementById("replay-data").textContent);
  const slider = document.getElementById("replay-tick");
  const button = document.getElementById("replay-play");
  const state = document.getElementById("replay-state");
  const rows = document.querySelector("#replay-links tbody");
  const last = data.ticks.length - 1;
  const STEP = 900;                                    // milliseconds per moment while playing
  const [RX, RY, CX, CY] = [220, 165, 380, 235];       // the ring of nodes, in units of the drawing
  const [LARGEST, SMALLEST, WIDEST] = [38, 6, 16];

  const make = (parent, name, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    return parent.appendChild(element);
  };

  const usd = (value) => {
    for (const [scale, letter] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
      if (value >= 0.9995 * scale) return "$" + Number((value / scale).toPrecision(3)) + letter;
    }
    return "$" + Number(value.toPrecision(3));
  };
  const price = (value) => "$" + value.toLocaleString("en-US", { maximumFractionDigits: value < 1000 ? 2 : 0 });

  const widest = Math.max(...data.usd.flat(), 1e-9);
  const sizes = data.usd.map((row) => {
    const held = data.nodes.map(() => 0), owed = data.nodes.map(() => 0);
    data.links.forEach((link, i) => { held[link.from] += row[i]; owed[link.to] += row[i]; });
    return held.map((value, i) => Math.max(value, owed[i]));
  });
  const largest = Math.max(...sizes.flat(), 1e-9);
  const radius = (size) => Math.max(SMALLEST, LARGEST * Math.sqrt(size / largest));
  const place = (node) => ({ x: CX + RX * node.place[0], y: CY - RY * node.place[1] });

  const at = (point) => `${point.x.toFixed(1)},${point.y.toFixed(1)}`;

  // The network: links below, then nodes, then names; elements are made once and moved.
  const drawing = document.getElementById("replay-network");
  const links = data.links.map((link) => {
    const group = make(drawing, "g", {});
    const line = make(group, "path", { class: link.kind, fill: "none" });
    const head = make(group, "path", { class: link.kind + "-head" });
    return { group, line, head, title: make(group, "title", {}) };
  });
  const nodes = data.nodes.map((node) => {
    const circle = make(drawing, "circle", { class: node.protocol ? "protocol" : "node", cx: place(node).x, cy: place(node).y });
    return { circle, title: make(circle, "title", {}) };
  });
  const names = data.nodes.map((node) => {
    const words = node.name.split(/[_.]/);
    const anchor = ["end", "middle", "start"][node.anchor[0] + 1];
    const text = make(drawing, "text", { class: "name" + (node.protocol ? " protocol-name" : ""), "text-anchor": anchor });
    words.forEach((word) => make(text, "tspan", {}, word));
    return text;
  });

  const drawLink = (i, amount) => {
    const { group, line, head, title } = links[i], link = data.links[i];
    group.setAttribute("visibility", amount > 0 ? "visible" : "hidden");
    group.dataset.usd = amount;
    if (!(amount > 0)) return;
    const width = 1 + WIDEST * amount / widest, arrow = 6 + 1.3 * width;
    const a = place(data.nodes[link.from]), b = place(data.nodes[link.to]);
    const c = { x: (a.x + b.x) / 2 - data.bend * (b.y - a.y), y: (a.y + b.y) / 2 + data.bend * (b.x - a.x) };
    const toward = (from, to, gap) => {
      const d = Math.hypot(to.x - from.x, to.y - from.y) || 1;
      return { x: from.x + (to.x - from.x) * gap / d, y: from.y + (to.y - from.y) * gap / d };
    };
    const start = toward(a, c, nodes[link.from].r), tip = toward(b, c, nodes[link.to].r + 1);
    const end = toward(tip, c, arrow);
    const side = { x: (tip.y - end.y) * 0.5, y: (end.x - tip.x) * 0.5 };
    const inside = toward(tip, c, arrow - 1);
    line.setAttribute("d", `M${at(start)}Q${at(c)} ${at(inside)}`);
    line.setAttribute("stroke-width", width.toFixed(1));
    head.setAttribute("d", `M${at(tip)}L${at({ x: end.x + side.x, y: end.y + side.y })}L${at({ x: end.x - side.x, y: end.y - side.y })}Z`);
    title.textContent = `${data.nodes[link.from].name} → ${data.nodes[link.to].name}: ${link.kind} of ${usd(amount)}`;
  };

  const drawNode = (i, size) => {
    const node = data.nodes[i], centre = place(node), r = radius(size), text = names[i];
    nodes[i].r = r;
    nodes[i].circle.setAttribute("r", r.toFixed(1));
    nodes[i].title.textContent = `${node.name}: ${usd(size)}`;
    const x = centre.x + node.toward[0] * (r + 7), lines = text.children.length;
    const above = [0, 14 * (lines - 1) / 2, 14 * (lines - 1)][node.anchor[1] + 1];  // a name's first line stands this much higher
    const y = centre.y - node.toward[1] * (r + 7) + [11, 4.5, -1][node.anchor[1] + 1] - above;
    [...text.children].forEach((line, k) => {
      line.setAttribute("x", x.toFixed(1));
      line.setAttribute("y", (y + 14 * k).toFixed(1));
    });
  };

  // The price curve, with a mark at the moment shown.
  const curve = document.getElementById("replay-curve");
  const [low, high] = [Math.min(...data.curve.price), Math.max(...data.curve.price)];
  const end = Math.max(...data.curve.hours, 1e-9);
  const X = (hour) => 10 + 740 * hour / end;
  const Y = (value) => 74 - 56 * (value - low) / (high - low || 1);
  make(curve, "path", { class: "curve", d: "M" + data.curve.hours.map((h, i) => `${X(h).toFixed(1)},${Y(data.curve.price[i]).toFixed(1)}`).join("L") });
  make(curve, "text", { class: "quiet", x: 10, y: 88 }, "0 h");
  make(curve, "text", { class: "quiet", x: 750, y: 88, "text-anchor": "end" }, end.toFixed(0) + " h");
  make(curve, "text", { class: "quiet", x: 10, y: 11 }, `${data.asset} price, ${price(low)} to ${price(high)}`);
  const now = make(curve, "line", { class: "now", y1: 14, y2: 76 });
  const dot = make(curve, "circle", { class: "dot", r: 5 });

  const list = (usdNow) => {
    const ranked = usdNow.map((amount, i) => [amount, data.links[i]]).filter(([amount]) => amount > 0);
    rows.replaceChildren(...ranked.sort((a, b) => b[0] - a[0]).map(([amount, link]) => {
      const row = document.createElement("tr");
      for (const word of [data.nodes[link.from].name, data.nodes[link.to].name, link.kind, usd(amount)]) {
        row.appendChild(document.createElement("td")).textContent = word;
      }
      row.lastChild.className = "number";
      return row;
    }));
  };

  const show = (k) => {
    slider.value = k;
    sizes[k].forEach((size, i) => drawNode(i, size));
    data.usd[k].forEach((amount, i) => drawLink(i, amount));
    list(data.usd[k]);
    now.setAttribute("x1", X(data.hours[k]));
    now.setAttribute("x2", X(data.hours[k]));
    dot.setAttribute("cx", X(data.hours[k]));
    dot.setAttribute("cy", Y(data.price[k]));
    const words = [
      `Tick ${data.ticks[k].toLocaleString("en-US")} (${data.times[k]})`,
      `${data.asset} ${price(data.price[k])}`,
      `${data.liquidations[k].toLocaleString("en-US")} liquidations so far (${usd(data.liquidated[k])})`,
    ];
    state.textContent = words.join(" · ");
    slider.setAttribute("aria-valuetext", state.textContent);
    drawing.dataset.tick = data.ticks[k];
  };

  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
    button.setAttribute("aria-pressed", "false");
  };
  const advance = () => {
    if (Number(slider.value) >= last) stop();
    else show(Number(slider.value) + 1);
  };
  button.addEventListener("click", () => {
    if (timer !== null) { stop(); return; }
    if (Number(slider.value) >= last) show(0);
    timer = setInterval(advance, STEP);
    button.textContent = "Pause";
    button.setAttribute("aria-pressed", "true");
  });
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });

  // #tick=600 opens the page at the last moment recorded up to tick 600.
  const fromHash = () => {
    const found = /tick=(\d+)/.exec(location.hash);
    const tick = found ? Number(found[1]) : 0;
    show(Math.max(0, data.ticks.findLastIndex((known) => known <= tick)));
  };
  window.addEventListener("hashchange", fromHash);
  fromHash();
})();
