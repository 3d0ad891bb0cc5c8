/** Where the nodes of a workflow are drawn: in layers from left to right, each edge forwards. Pure, and linear but for sorting. */

export interface Edge {
  from: string;
  to: string;
}

export interface Box {
  name: string;
  x: number;
  y: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface Drawing {
  boxes: readonly Box[];
  /** By `keyOf` an edge, the points that it goes through between its boxes: so it passes by boxes, not behind them. */
  bends: ReadonlyMap<string, readonly Point[]>;
  width: number;
  height: number;
}

export const WIDTH = 168;
export const HEIGHT = 44;
const GAP_X = 56;
const GAP_Y = 16;
const MARGIN = 12;
/** Places between boxes for edges that pass by layers; a graph that needs more is drawn with straight ones. */
const BENDS_MOST = 3000;
/** Passes that sort each layer by its neighbours: more change little. */
const SWEEPS = 4;

/**
 * Lay out a graph.
 *
 * @param names of the nodes
 * @param edges from a node to one that depends on it; those of unknown nodes, and what closes a circle, are left out
 */
export function layout(names: readonly string[], edges: readonly Edge[]): Drawing {
  const known = new Set(names);
  const kept = edges.filter(({ from, to }) => known.has(from) && known.has(to) && from !== to);
  const layers = layered(names, neighbours(kept, "to", "from"), neighbours(kept, "from", "to"));
  const passing = withPlaces(layers, kept);
  const [before, after] = [neighbours(passing.edges, "to", "from"), neighbours(passing.edges, "from", "to")];
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forwards = sweep % 2 === 0;
    for (const layer of forwards ? layers.slice(1) : layers.slice(0, -1).reverse()) sort(layer, forwards ? before : after, positions(layers));
  }
  const tallest = Math.max(0, ...layers.map((layer) => layer.length));
  const height = 2 * MARGIN + Math.max(tallest * (HEIGHT + GAP_Y) - GAP_Y, 0);
  const boxes = layers.flatMap((layer, column) => {
    const top = (height - (layer.length * (HEIGHT + GAP_Y) - GAP_Y)) / 2;
    return layer.map((name, row) => ({ name, x: MARGIN + column * (WIDTH + GAP_X), y: top + row * (HEIGHT + GAP_Y) }));
  });
  const at = new Map(boxes.map((box) => [box.name, box]));
  const bends = new Map(
    [...passing.places].map(([key, places]) => [key, places.map((place) => ({ x: at.get(place)?.x ?? 0, y: (at.get(place)?.y ?? 0) + HEIGHT / 2 }))] as const),
  );
  return { boxes: boxes.filter(({ name }) => known.has(name)), bends, width: 2 * MARGIN + Math.max(layers.length * (WIDTH + GAP_X) - GAP_X, 0), height };
}

function neighbours(edges: readonly Edge[], of: "from" | "to", other: "from" | "to"): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const edge of edges) {
    const list = found.get(edge[of]);
    if (list) list.push(edge[other]);
    else found.set(edge[of], [edge[other]]);
  }
  return found;
}

/** Put each node into the layer behind the last one that it depends on (Kahn's order). */
function layered(names: readonly string[], before: Map<string, string[]>, after: Map<string, string[]>): string[][] {
  const left = new Map(names.map((name) => [name, before.get(name)?.length ?? 0]));
  const layerOf = new Map<string, number>();
  const ready = names.filter((name) => !left.get(name));
  for (let next = 0; next < ready.length; next += 1) {
    const name = ready[next] ?? "";
    layerOf.set(name, Math.max(-1, ...(before.get(name) ?? []).map((each) => layerOf.get(each) ?? -1)) + 1);
    for (const other of after.get(name) ?? []) {
      const count = (left.get(other) ?? 0) - 1;
      left.set(other, count);
      if (count === 0) ready.push(other);
    }
  }
  const layers: string[][] = [];
  for (const name of names) {
    const layer = layerOf.get(name) ?? 0;
    while (layers.length <= layer) layers.push([]);
    layers[layer]?.push(name);
  }
  return layers;
}

/** Name an edge. */
export function keyOf({ from, to }: Edge): string {
  return JSON.stringify([from, to]);
}

/** Give each edge a place in every layer that it passes; return the edges from place to place, and the places. */
function withPlaces(layers: string[][], edges: readonly Edge[]): { edges: Edge[]; places: Map<string, string[]> } {
  const layerOf = new Map(layers.flatMap((layer, number) => layer.map((name) => [name, number] as const)));
  const passed = ({ from, to }: Edge): number[] => {
    const [first, last] = [layerOf.get(from) ?? 0, layerOf.get(to) ?? 0];
    return Array.from({ length: Math.max(last - first - 1, 0) }, (_, number) => first + 1 + number);
  };
  const places = new Map<string, string[]>();
  if (edges.reduce((sum, edge) => sum + passed(edge).length, 0) > BENDS_MOST) return { edges: [...edges], places };
  const pieces = edges.flatMap((edge) => {
    // No node has such a name.
    const own = passed(edge).map((layer) => ({ layer, name: `\0${layer} ${keyOf(edge)}` }));
    for (const { layer, name } of own) layers[layer]?.push(name);
    if (own.length) places.set(keyOf(edge), own.map(({ name }) => name));
    const stops = [edge.from, ...own.map(({ name }) => name), edge.to];
    return stops.slice(1).map((to, number) => ({ from: stops[number] ?? edge.from, to }));
  });
  return { edges: pieces, places };
}

function positions(layers: readonly string[][]): Map<string, number> {
  return new Map(layers.flatMap((layer) => layer.map((name, row) => [name, (row + 0.5) / layer.length] as const)));
}

/** Sort a layer by the mean place of each node's neighbours; one without any stays where it is. */
function sort(layer: string[], neighbour: Map<string, string[]>, at: Map<string, number>): void {
  const wanted = new Map(
    layer.map((name) => {
      const near = neighbour.get(name) ?? [];
      const sum = near.reduce((total, each) => total + (at.get(each) ?? 0), 0);
      return [name, near.length ? sum / near.length : (at.get(name) ?? 0)];
    }),
  );
  layer.sort((one, other) => (wanted.get(one) ?? 0) - (wanted.get(other) ?? 0));
}

/** Return the path of an edge from a box to another one, past the layers between them, as SVG has it. */
export function curve(from: Box, to: Box, bends: readonly Point[] = []): string {
  const through = bends.flatMap(({ x, y }) => [
    { x, y },
    { x: x + WIDTH, y },
  ]);
  const points = [{ x: from.x + WIDTH, y: from.y + HEIGHT / 2 }, ...through, { x: to.x, y: to.y + HEIGHT / 2 }];
  return points.map((point, number) => `${number ? bend(points[number - 1] ?? point, point) : `M${point.x} ${point.y}`}`).join("");
}

function bend(from: Point, to: Point): string {
  if (from.y === to.y) return `L${to.x} ${to.y}`;
  const half = Math.max((to.x - from.x) / 2, GAP_X / 2);
  return `C${from.x + half} ${from.y} ${to.x - half} ${to.y} ${to.x} ${to.y}`;
}
