import { createRoot } from "react-dom/client";

import { App } from "./App";
import { begin } from "./sync";
import "./style.css";

// Without this the page would need the network to be there at all. In development Vite serves it anew each time.
if (import.meta.env.PROD) navigator.serviceWorker?.register("./sw.js");
begin();
createRoot(document.getElementById("root")).render(<App />);
