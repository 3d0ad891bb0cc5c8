/** The graph of a workflow, with the state of each node and the critical path. */
import { useMemo, useState } from "preact/hooks";
import type { components } from "../../api/schema.js";
import { toneOf } from "../../format/states.js";
import { pathOf } from "../../routing/paths.js";
import { ROOT } from "../../routing/root.js";
import { go } from "../../routing/router.js";
import { curve, HEIGHT, keyOf, layout, WIDTH, type Box, type Point } from "./layout.js";

type Workflow = components["schemas"]["WorkflowDetailsReply"];
type Node = Workflow["nodes"][number];

/** More letters do not fit into a box. */
const LETTERS = 20;

export function Graph({ workflow }: { workflow: Workflow }) {
  const [isWhole, setWhole] = useState(false);
  const shape = JSON.stringify([workflow.nodes.map(({ name }) => name), workflow.edges]);
  // Where a node stands changes with the graph alone, not with its state.
  const drawing = useMemo(() => layout(workflow.nodes.map(({ name }) => name), workflow.edges), [shape]);
  const boxes = new Map(drawing.boxes.map((box) => [box.name, box]));
  const critical = new Set(workflow.criticalPath.slice(1).map((name, number) => `${workflow.criticalPath[number]}>${name}`));
  return (
    <section class="card" aria-label="Graph">
      <div class="card-head">
        <h2>Graph</h2>
        <span class="muted small">the critical path is bold</span>
        <button type="button" class="button button-small row-end" aria-pressed={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Actual size" : "Fit"}
        </button>
      </div>
      <div class="graph" tabIndex={0} role="group" aria-label="Graph of the workflow; the list below has the same nodes">
        <svg
          class={isWhole ? "graph-whole" : undefined}
          viewBox={`0 0 ${drawing.width} ${drawing.height}`}
          width={isWhole ? undefined : drawing.width}
          height={isWhole ? undefined : drawing.height}
        >
          {workflow.edges.map(({ from, to, on }) => (
            <EdgeLine key={`${from}>${to}`} from={boxes.get(from)} to={boxes.get(to)} bends={drawing.bends.get(keyOf({ from, to }))} on={on} isCritical={critical.has(`${from}>${to}`)} />
          ))}
          {workflow.nodes.map((node) => (
            <NodeBox key={node.name} node={node} box={boxes.get(node.name)} />
          ))}
        </svg>
      </div>
    </section>
  );
}

interface EdgeProps {
  from: Box | undefined;
  to: Box | undefined;
  bends: readonly Point[] | undefined;
  on: string;
  isCritical: boolean;
}

function EdgeLine({ from, to, bends, on, isCritical }: EdgeProps) {
  return from && to ? <path class={`edge edge-${on}`} data-critical={isCritical} d={curve(from, to, bends)} /> : null;
}

function NodeBox({ node, box }: { node: Node; box: Box | undefined }) {
  if (!box) return null;
  const content = (
    <g class={`node node-${toneOf(node.state)}`} transform={`translate(${box.x} ${box.y})`}>
      <rect width={WIDTH} height={HEIGHT} rx={8} />
      <circle cx={16} cy={HEIGHT / 2} r={5} />
      <text x={30} y={19}>
        {short(node.name)}
      </text>
      <text x={30} y={34} class="node-state">
        {node.forEach && node.items !== null ? `${node.state}, ${node.items} items` : node.state}
      </text>
      <title>{`${node.name}: ${node.type}, ${node.state}`}</title>
    </g>
  );
  const { job } = node;
  if (!job) return content;
  const to = pathOf("jobs", job);
  return (
    <a
      href={new URL(to, ROOT).href}
      onClick={(event: MouseEvent) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        go(to);
      }}
    >
      {content}
    </a>
  );
}

function short(text: string): string {
  return text.length > LETTERS ? `${text.slice(0, LETTERS - 1)}…` : text;
}
