// A plot to pick from: one point a quote; drag selects a rectangle, a click without a drag clears it.
const MARKS = {
  o: (c, x, y, r) => { c.beginPath(); c.arc(x, y, r, 0, 7); c.fill(); },
  s: (c, x, y, r) => c.fillRect(x - r, y - r, 2 * r, 2 * r),
  "^": (c, x, y, r) => { c.beginPath(); c.moveTo(x, y - r); c.lineTo(x + r, y + r); c.lineTo(x - r, y + r); c.fill(); },
  D: (c, x, y, r) => { c.beginPath(); c.moveTo(x, y - r); c.lineTo(x + r, y); c.lineTo(x, y + r); c.lineTo(x - r, y); c.fill(); },
};
const KEYS = Object.keys(MARKS);

function render({ model, el }) {
  const W = 560, H = 330, L = 46, B = 38, T = 8, R = 10;
  const canvas = document.createElement("canvas");
  canvas.className = "stance-scatter";
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.style.cssText = `width:100%;max-width:${W}px;touch-action:none;cursor:crosshair`;
  el.append(canvas);
  const scale = window.devicePixelRatio || 1;
  canvas.width = W * scale; canvas.height = H * scale;
  const c = canvas.getContext("2d");
  let drag = null;
  const floats = (view) => new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const range = () => model.get("limits");
  const px = (v) => { const [x0, x1] = range(); return L + (v - x0) / (x1 - x0) * (W - L - R); };
  const py = (v) => { const [, , y0, y1] = range(); return H - B - (v - y0) / (y1 - y0) * (H - B - T); };
  const vx = (p) => { const [x0, x1] = range(); return x0 + (p - L) / (W - L - R) * (x1 - x0); };
  const vy = (p) => { const [, , y0, y1] = range(); return y0 + (H - B - p) / (H - B - T) * (y1 - y0); };

  function draw() {
    const points = floats(model.get("points")), groups = bytes(model.get("groups")), mask = bytes(model.get("mask"));
    const looks = model.get("looks"), [x0, x1, y0, y1] = range();
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.fillStyle = "#fff"; c.fillRect(0, 0, W, H);
    c.strokeStyle = "#e6e6e6"; c.fillStyle = "#444"; c.font = "11px sans-serif"; c.lineWidth = 1;
    const ticks = (low, high) => {
      const step = high - low > 1.5 ? 0.5 : 0.25, out = [];
      for (let v = Math.ceil(low / step) * step; v <= high; v += step) out.push(v);
      return out;
    };
    for (const x of ticks(x0, x1)) {
      c.beginPath(); c.moveTo(px(x), T); c.lineTo(px(x), H - B); c.stroke();
      c.textAlign = "center"; c.fillText((x + 0).toFixed(2), px(x), H - B + 14);
    }
    for (const y of ticks(y0, y1)) {
      c.beginPath(); c.moveTo(L, py(y)); c.lineTo(W - R, py(y)); c.stroke();
      c.textAlign = "right"; c.fillText((y + 0).toFixed(2), L - 5, py(y) + 4);
    }
    c.textAlign = "center"; c.fillText(model.get("labels")[0], (L + W) / 2, H - 6);
    c.save(); c.translate(11, (H - B) / 2); c.rotate(-Math.PI / 2); c.fillText(model.get("labels")[1], 0, 0); c.restore();
    // What is filtered out stays as a shadow, so that the selection is seen against the whole.
    for (const on of [0, 1]) {
      for (let i = 0; i < mask.length; i++) {
        if (mask[i] !== on) continue;
        const [colour, marker] = looks[groups[i]];
        c.globalAlpha = on ? 0.6 : 0.12;
        c.fillStyle = on ? colour : "#999";
        (MARKS[marker] || MARKS[KEYS[groups[i] % KEYS.length]])(c, px(points[2 * i]), py(points[2 * i + 1]), mask.length > 2000 ? 2.2 : 3.4);
      }
    }
    c.globalAlpha = 1;
    const box = drag ? [vx(drag[0]), vx(drag[2]), vy(drag[1]), vy(drag[3])] : model.get("box");
    if (box.length) {
      c.strokeStyle = "#111"; c.setLineDash([4, 3]);
      c.strokeRect(px(box[0]), py(box[2]), px(box[1]) - px(box[0]), py(box[3]) - py(box[2])); c.setLineDash([]);
    }
    canvas.setAttribute("aria-label", model.get("summary"));
  }
  const at = (event) => {
    const r = canvas.getBoundingClientRect();
    return [(event.clientX - r.left) * W / r.width, (event.clientY - r.top) * H / r.height];
  };
  canvas.addEventListener("pointerdown", (event) => { const p = at(event); drag = [...p, ...p]; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => { if (drag) { drag.splice(2, 2, ...at(event)); draw(); } });
  canvas.addEventListener("pointerup", () => {
    if (!drag) return;
    const [ax, ay, bx, by] = drag;
    drag = null;
    const far = Math.abs(ax - bx) > 4 && Math.abs(ay - by) > 4;
    model.set("box", far ? [vx(Math.min(ax, bx)), vx(Math.max(ax, bx)), vy(Math.max(ay, by)), vy(Math.min(ay, by))] : []);
    model.save_changes(); draw();
  });
  canvas.addEventListener("keydown", (event) => { if (event.key === "Escape") { model.set("box", []); model.save_changes(); draw(); } });
  for (const name of ["points", "groups", "mask", "looks", "labels", "limits", "box", "summary"]) model.on(`change:${name}`, draw);
  draw();
}
export default { render };
