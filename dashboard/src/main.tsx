import "./styles/base.css";
import "./styles/parts.css";
import "./styles/header.css";
import "./styles/gallery.css";
import "./styles/details.css";
import "./styles/activity.css";
import "./styles/uploads.css";
import "./styles/usage.css";
import { render } from "preact";
import { App } from "./app";
import { loadConfig, loadDemo } from "./config";

const root = document.getElementById("app");
if (!root) throw new Error("The page has no place for the app.");
const config = await loadConfig();
render(<App config={config} demo={await loadDemo(config)} />, root);
