import assert from "node:assert/strict";
import { test } from "node:test";
import { curve, HEIGHT, keyOf, layout, WIDTH } from "../src/pages/workflows/layout.js";

const at = (names: string[], edges: [string, string][]) => {
  const drawing = layout(names, edges.map(([from, to]) => ({ from, to })));
  return { ...drawing, of: new Map(drawing.boxes.map((box) => [box.name, box])) };
};

test("each edge leads to the right, past the longest way", () => {
  const { of } = at(["a", "b", "c", "d"], [["a", "b"], ["b", "c"], ["a", "c"], ["c", "d"]]);
  const xs = ["a", "b", "c", "d"].map((name) => of.get(name)?.x ?? 0);
  assert.deepEqual([...xs].sort((one, other) => one - other), xs);
  assert.equal(new Set(xs).size, 4);
});

test("boxes do not lie on each other, and nothing is outside", () => {
  const names = Array.from({ length: 60 }, (_, number) => `n${number}`);
  const edges = names.slice(1).map((name, number): [string, string] => [`n${Math.floor(number / 3)}`, name]);
  const { boxes, width, height } = at(names, edges);
  for (const [number, one] of boxes.entries()) {
    assert.ok(one.x >= 0 && one.y >= 0 && one.x + WIDTH <= width && one.y + HEIGHT <= height);
    for (const other of boxes.slice(number + 1)) assert.ok(Math.abs(one.x - other.x) >= WIDTH || Math.abs(one.y - other.y) >= HEIGHT);
  }
});

test("lines that need not cross do not", () => {
  const { of } = at(["a", "b", "x", "y"], [["a", "y"], ["b", "x"]]);
  assert.equal((of.get("a")?.y ?? 0) < (of.get("b")?.y ?? 0), (of.get("y")?.y ?? 0) < (of.get("x")?.y ?? 0));
});

test("an edge past a layer goes between its boxes", () => {
  const { bends, boxes, of } = at(["a", "b", "c", "d"], [["a", "b"], ["b", "c"], ["c", "d"], ["a", "d"]]);
  const points = bends.get(keyOf({ from: "a", to: "d" })) ?? [];
  assert.equal(points.length, 2);
  for (const { x, y } of points) assert.ok(boxes.every((box) => box.x !== x || y < box.y || y > box.y + HEIGHT));
  assert.deepEqual(points.map(({ x }) => x), [of.get("b")?.x, of.get("c")?.x]);
});

test("what is no graph is drawn all the same", () => {
  assert.deepEqual(layout([], []).boxes, []);
  assert.equal(at(["a", "b"], [["a", "b"], ["b", "a"], ["a", "a"], ["a", "nobody"]]).boxes.length, 2);
});

test("a thousand nodes are a thousand boxes", () => {
  const names = Array.from({ length: 1000 }, (_, number) => String(number));
  const edges = names.flatMap((name, number): [string, string][] => (number + 37 < 1000 ? [[name, String(number + 37)], [name, String(number + 31)]] : []));
  assert.equal(at(names, edges).boxes.length, 1000);
});

test("a curve begins and ends at its boxes", () => {
  assert.match(curve({ name: "a", x: 0, y: 0 }, { name: "b", x: 300, y: 50 }), new RegExp(`^M${WIDTH} ${HEIGHT / 2}C.* 300 ${50 + HEIGHT / 2}$`));
});
