import 'uplot/dist/uPlot.min.css';
import './style/tokens.css';
import './style/base.css';
import './style/frame.css';
import './style/parts.css';

import { render } from 'preact';
import { App } from './app';

const root = document.getElementById('console');
if (root) render(<App />, root);
