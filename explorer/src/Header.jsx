/** Above everything: the key and whose it is, and what there is to say. ``tools`` gets the place for what works on the open query. */
export function Header({ apiKey, onKey, viewer, trouble, says, tools }) {
  return (
    <header className="bar">
      <h1>erpgraph</h1>
      <label>
        API key
        <input
          type="password"
          value={apiKey}
          onChange={(event) => onKey(event.target.value)}
          placeholder="erp_…"
          autoComplete="off"
          spellCheck={false}
          aria-invalid={Boolean(trouble)}
          aria-describedby="bar-says"
        />
      </label>
      <span className="tools" ref={tools} />
      <span id="bar-says" role="status" className={trouble ? "trouble" : ""}>
        {trouble || says}
      </span>
      {viewer && <Viewer viewer={viewer} />}
    </header>
  );
}

/** Whose key it is, and what it may do. */
function Viewer({ viewer }) {
  const { tenant, principal, roles, permissions } = viewer;
  return (
    <details className="viewer">
      <summary>
        {[tenant.name, principal, ...(roles.length ? [roles.join(", ")] : [])].join(" · ")}
      </summary>
      <p>{permissions.length ? permissions.join(", ") : "This key has no permissions."}</p>
    </details>
  );
}
