/** The Express app as a server of its own, on PORT and HOST as LibreChat has them. */

import { makeApp } from './express.mjs';

makeApp().listen(Number(process.env.PORT), process.env.HOST, () => console.log('listening'));
