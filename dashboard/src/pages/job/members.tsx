/** The jobs that a composite job has created. */
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { JobDetails, JobList } from "../../api/types.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { Badge } from "../../ui/badge.js";

const SHOWN = 25;
const COMPOSITE = /^workflow$/;

export function Members({ job }: { job: JobDetails }) {
  const list = useLive<JobList>(
    COMPOSITE.test(job.type) ? `members ${job.id}` : null,
    (etag) => read(api.GET("/jobs", { params: { query: { workflow: job.id, limit: SHOWN } }, headers: unlessSame(etag) })),
    "slow",
  );
  if (!list.data?.items.length) return null;
  return (
    <section class="card" aria-label="Jobs that it has created">
      <div class="card-head">
        <h2>Jobs that it has created</h2>
        <span class="row row-end small">
          <Link to={pathOf("workflows", job.id)}>The graph</Link>
          <Link to={pathOf("jobs", null, new URLSearchParams({ workflow: job.id }))}>All of them</Link>
        </span>
      </div>
      <table class="table">
        <tbody>
          {list.data.items.map((member) => (
            <tr key={member.id}>
              <td>
                <Link to={pathOf("jobs", member.id)}>{member.node ?? member.type}</Link>
              </td>
              <td>
                <Badge state={member.state} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
