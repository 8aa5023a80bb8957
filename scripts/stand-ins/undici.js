/**
 * All that the program uses of undici: connections of HTTP/1.1 to one server. The whole of it takes three times as long to
 * load.
 */
import api from 'undici/lib/api/index.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import Pool from 'undici/lib/dispatcher/pool.js';

// So does undici itself: `request` and its like are no part of a dispatcher alone.
Object.assign(Dispatcher.prototype, api);

export { Pool };
