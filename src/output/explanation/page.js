// Draws what moved an answer, as `Explanation::item` says it: here, and in the page of the package for browsers.

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) key === "class" ? made.className = value : made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const signed = value => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(4);

// A colour whose strength is the share of the largest effect; text stays readable on the strongest.
const colour = (effect, most) => {
  const share = most > 0 ? Math.min(1, Math.abs(effect) / most) : 0;
  return `rgba(var(--${effect < 0 ? "against" : "for"}), ${(0.38 * share).toFixed(3)})`;
};
const most = parts => Math.max(...parts.map(part => Math.abs(part)), 0);

function table(id, caption, head, rows) {
  const region = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": id });
  const body = element("table", {}, element("caption", { id }, caption),
    element("thead", {}, element("tr", {}, ...head.map(cell => element("th", { scope: "col" }, cell)))),
    element("tbody", {}, ...rows.map(([name, ...cells]) =>
      element("tr", {}, element("th", { scope: "row" }, name), ...cells.map(cell => element("td", {}, cell))))));
  region.append(body);
  return region;
}

function choice(legend, names, chosen, choose) {
  const group = element("fieldset", {}, element("legend", {}, legend));
  const buttons = names.map((name, place) => {
    const button = element("button", { type: "button", "aria-pressed": String(place === chosen) }, name);
    button.addEventListener("click", () => {
      buttons.forEach((other, at) => other.setAttribute("aria-pressed", String(at === place)));
      choose(place);
    });
    return button;
  });
  group.append(...buttons);
  return group;
}

// The characters of a text with those of its parts coloured.
function coloured(text, parts, effects, scale) {
  const letters = [...text], line = element("p", { class: "text" });
  let at = 0;
  parts.forEach((part, place) => {
    line.append(letters.slice(at, part.place.start).join(""));
    const span = element("span", { class: "part", title: signed(effects[place]) }, letters.slice(part.place.start, part.place.end).join(""));
    span.style.backgroundColor = colour(effects[place], scale);
    line.append(span);
    at = part.place.end;
  });
  line.append(letters.slice(at).join(""));
  return line;
}

// The section of one text: `number` tells its elements from those of others on the page.
export function explain(item, number, title) {
  const section = element("section", { "aria-labelledby": `text-${number}` });
  section.append(element("h2", { id: `text-${number}` }, title));
  let label = item.label, by = "words";
  const shown = element("div", { "aria-live": "polite" });
  const draw = () => {
    const parts = item[by], effects = parts.map(part => part.effects[label]), scale = most(effects);
    const answers = by === "tokens"
      ? [element("p", { class: "text" }, ...parts.flatMap((part, place) => {
          const span = element("span", { class: "part", title: signed(effects[place]) }, part.text);
          span.style.backgroundColor = colour(effects[place], scale);
          return [span, " "];
        }))]
      : item.texts.map((text, index) => {
          const own = parts.map((part, place) => [part, effects[place]]).filter(([part]) => part.index === index);
          return coloured(text, own.map(([part]) => part), own.map(([, effect]) => effect), scale);
        });
    const order = parts.map((_, place) => place).sort((a, b) => Math.abs(effects[b]) - Math.abs(effects[a]));
    shown.replaceChildren(
      ...answers,
      table(`effects-${number}`, `Effects on ${item.labels[label]}, the largest first; its score is ${item.scores[label].toFixed(4)}`,
        ["left out", "effect", "score without"],
        order.map(place => [parts[place].text, signed(effects[place]), (item.scores[label] - effects[place]).toFixed(4)])));
  };
  section.append(
    choice("Label", item.labels.map((name, place) => `${name} ${item.scores[place].toFixed(4)}`), label, place => { label = place; draw(); }),
    choice("Left out", ["words", "sentences", "tokens"], 0, place => { by = ["words", "sentences", "tokens"][place]; draw(); }),
    shown);
  if (item.truncated) section.append(element("p", {}, "The text is longer than the model takes, and was cut."));
  draw();
  if (item.attention) section.append(attention(item, number));
  return section;
}

// Which tokens a token reads: of one head, of all heads of a layer, or through all layers (rollout).
function attention(item, number) {
  const { layers, heads, maps } = item.attention, names = item.attention.tokens;
  const part = element("div", {}, element("h3", { id: `attention-${number}` }, "Attention"));
  const select = (text, options) => {
    const box = element("select", { id: `${text.toLowerCase()}-${number}` }, ...options.map((name, place) => element("option", { value: place }, name)));
    return [element("label", { for: box.id }, `${text} `), box];
  };
  const [layerLabel, layer] = select("Layer", ["all (rollout)", ...Array.from({ length: layers }, (_, place) => `layer ${place + 1}`)]);
  const [headLabel, head] = select("Head", ["mean of heads", ...Array.from({ length: heads }, (_, place) => `head ${place + 1}`)]);
  let token = 0;
  const tokens = element("div", { class: "tokens", role: "group", "aria-labelledby": `attention-${number}` });
  const said = element("p", { class: "soft", "aria-live": "polite" });
  const buttons = names.map((name, place) => {
    const button = element("button", { type: "button", "aria-pressed": "false" }, name);
    button.addEventListener("click", () => { token = place; draw(); });
    return button;
  });
  tokens.append(...buttons);
  const draw = () => {
    const rollout = layer.value === "0";
    head.disabled = rollout;
    const map = rollout ? maps.rollout : head.value === "0" ? maps.means[layer.value - 1] : maps.heads[layer.value - 1][head.value - 1];
    const row = map[token], shares = new Map();
    for (let place = 0; place < row.length; place += 2) shares.set(row[place], row[place + 1] / 1000);
    const largest = Math.max(...shares.values(), 0);
    buttons.forEach((button, place) => {
      const share = shares.get(place) ?? 0;
      button.style.backgroundColor = colour(share, largest);
      button.title = shares.has(place) ? share.toFixed(3) : "less";
      button.setAttribute("aria-pressed", String(place === token));
    });
    const top = [...shares].sort((a, b) => b[1] - a[1]).slice(0, 5).map(([place, share]) => `${names[place]} ${share.toFixed(3)}`);
    said.textContent = `${names[token]} reads ${top.join(", ")}`;
  };
  [layer, head].forEach(box => box.addEventListener("change", draw));
  part.append(element("p", {}, layerLabel, layer, headLabel, head), element("p", { class: "soft" }, "Choose a token to see which it reads most."), tokens, said);
  draw();
  return part;
}

// The parts that moved the answers to many rows.
export function moved({ by, rows, labels, movers }) {
  const section = element("section", { "aria-labelledby": "moved" });
  const shown = element("div", { "aria-live": "polite" });
  const named = labels.map((_, label) => label).filter(label => movers.some(mover => mover[1] === label));
  const draw = label => {
    const own = label === undefined ? movers : movers.filter(mover => mover[1] === label), scale = most(own.map(mover => mover[4]));
    const of = label === undefined ? "the answers" : labels[label];
    shown.replaceChildren(table("movers", `Effects on ${of} in all rows together, the largest first`,
      [by, "label", "rows", "mean effect", "total effect"],
      own.map(([part, label, rows, mean, total]) => {
        const name = element("span", { class: "part" }, part);
        name.style.backgroundColor = colour(total, scale);
        return [name, labels[label], rows, signed(mean), signed(total)];
      })));
  };
  section.append(element("h2", { id: "moved" }, `The ${by} that moved the answers to ${rows} rows`));
  if (named.length > 1)
    section.append(choice("Label", ["all", ...named.map(label => labels[label])], 0, place => draw(place ? named[place - 1] : undefined)));
  section.append(shown);
  draw();
  return section;
}
