import "graphiql/graphiql.css";
import "@graphiql/plugin-explorer/dist/style.css";
import "./explorer.css";
import { createRoot } from "react-dom/client";
import { Explorer } from "./Explorer.jsx";

createRoot(document.getElementById("root")).render(<Explorer />);
