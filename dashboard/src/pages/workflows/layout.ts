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

export interface Drawing {
  boxes: readonly Box[];
  width: number;
  height: number;
}

export const WIDTH = 168;
export const HEIGHT = 44;
const GAP_X = 56;
const GAP_Y = 16;
const MARGIN = 12;
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
  const [before, after] = [neighbours(kept, "to", "from"), neighbours(kept, "from", "to")];
  const layers = layered(names, before, after);
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
  return { boxes, width: 2 * MARGIN + Math.max(layers.length * (WIDTH + GAP_X) - GAP_X, 0), height };
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

/** Return the path of an edge between two boxes, as SVG has it. */
export function curve(from: Box, to: Box): string {
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
  const bend = Math.max((x2 - x1) / 2, GAP_X / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
