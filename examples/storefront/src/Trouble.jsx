import { codeOf, sentence } from "./sentences";

/** Says what went wrong, with the way out. */
export function Trouble({ error, onAgain, onForget }) {
  if (!error) return null;
  return (
    <div className="trouble" role="alert">
      <p>{sentence(error)}</p>
      {codeOf(error) === "UNAUTHENTICATED" && <button onClick={onForget}>Enter another key</button>}
      {codeOf(error) !== "UNAUTHENTICATED" && onAgain && <button onClick={onAgain}>Try again</button>}
    </div>
  );
}
